//! Packets: what a program received, as `ffmpeg -c copy -f framemd5` tells it, one payload digest for each packet.

use std::fmt;
use std::ops::Range;

/// The packets of a file or stream, in the order of their decoding times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// Its tracks by number.
    pub tracks: Vec<Track>,
    /// Its packets, all tracks together.
    pub list: Vec<Packet>,
}

/// One track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// FFmpeg's name of the codec.
    pub codec: String,
    /// Digest of the decoder configuration, where the codec has one.
    pub configuration: Option<String>,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Number of its track.
    pub track: usize,
    /// Decoding time.
    pub dts_ms: i64,
    /// Presentation time.
    pub pts_ms: i64,
    /// Payload bytes.
    pub size: usize,
    /// Digest of the payload.
    pub md5: String,
}

/// The first place where packets are no run of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Number of the packet.
    pub at: usize,
    /// What it is.
    pub packet: Option<Packet>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What keeps packets from being a run of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There are none at all.
    Nothing,
    /// The tracks differ.
    Tracks,
    /// The first packet is nowhere in the whole.
    Foreign,
    /// The whole has ended before it.
    Beyond,
    /// Another one was expected, which is this.
    Other(Packet),
    /// The one that was expected comes later: so many are missing in between.
    Hole(usize),
    /// Its time is not as far from the first one's as in the whole. Expected were these.
    Time {
        /// Decoding time.
        dts_ms: i64,
        /// Presentation time.
        pts_ms: i64,
    },
}

impl Packets {
    /// Reads what FFmpeg wrote.
    ///
    /// # Errors
    /// The first line that makes no sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut packets = Self::default();
        for line in text.lines() {
            let understood = match line.strip_prefix('#') {
                Some(comment) => packets.parse_comment(comment),
                None => Packet::parse(line).map(|packet| packets.list.push(packet)),
            };
            understood.ok_or_else(|| format!("{line:?} is no line of framemd5"))?;
        }
        Ok(packets)
    }

    /// Where in `whole` these packets are, one after the other with nothing left out: the same payloads, and the
    /// same times but for one shift of all of them.
    ///
    /// # Errors
    /// The first deviation from the longest run that begins with the first packet.
    pub fn run_in(&self, whole: &Packets) -> Result<Range<usize>, Deviation> {
        let deviation = |at: usize, fault| Deviation { at, packet: self.list.get(at).cloned(), fault };
        let first = self.list.first().ok_or_else(|| deviation(0, Fault::Nothing))?;
        if self.tracks != whole.tracks {
            return Err(deviation(0, Fault::Tracks));
        }
        // Silence and still pictures have the same payload many times.
        let starts = (0..whole.list.len()).filter(|&start| whole.list[start].is_like(first));
        let matching = |start: &usize| {
            self.list.iter().zip(&whole.list[*start..]).take_while(|(mine, its)| mine.is_like(its)).count()
        };
        let start = starts.max_by_key(matching).ok_or_else(|| deviation(0, Fault::Foreign))?;

        let shift_ms = whole.list[start].dts_ms - first.dts_ms;
        for (at, mine) in self.list.iter().enumerate() {
            let Some(its) = whole.list.get(start + at) else { return Err(deviation(at, Fault::Beyond)) };
            if !mine.is_like(its) {
                let later = whole.list[start + at..].iter().position(|packet| packet.is_like(mine));
                let fault = later.map_or_else(|| Fault::Other(its.clone()), Fault::Hole);
                return Err(deviation(at, fault));
            }
            let (dts_ms, pts_ms) = (its.dts_ms - shift_ms, its.pts_ms - shift_ms);
            if (mine.dts_ms, mine.pts_ms) != (dts_ms, pts_ms) {
                return Err(deviation(at, Fault::Time { dts_ms, pts_ms }));
            }
        }
        Ok(start..start + self.list.len())
    }

    /// The packets of one track with all times zero: for what an encoder has timed anew.
    pub fn payloads_of(&self, track: usize) -> Packets {
        let of_it = self.list.iter().filter(|packet| packet.track == track);
        let list = of_it.map(|packet| Packet { dts_ms: 0, pts_ms: 0, ..packet.clone() }).collect();
        Packets { tracks: self.tracks.clone(), list }
    }

    fn parse_comment(&mut self, comment: &str) -> Option<()> {
        if let Some(fields) = comment.strip_prefix("extradata ") {
            let mut fields = fields.split(',').map(str::trim);
            let track = fields.next()?.parse().ok()?;
            self.track(track).configuration = Some(fields.next_back()?.to_owned());
        } else if let Some(fields) = comment.strip_prefix("codec_id ") {
            let (track, codec) = fields.split_once(": ")?;
            self.track(track.parse().ok()?).codec = codec.to_owned();
        } else if comment.starts_with("tb ") {
            // FLV and RTMP count milliseconds.
            return comment.ends_with(": 1/1000").then_some(());
        }
        Some(())
    }

    fn track(&mut self, number: usize) -> &mut Track {
        if self.tracks.len() <= number {
            self.tracks.resize_with(number + 1, Track::default);
        }
        &mut self.tracks[number]
    }
}

impl Packet {
    /// `track, dts, pts, duration, size, digest`; digests of side data may follow.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',').map(str::trim);
        let track = fields.next()?.parse().ok()?;
        let dts_ms = fields.next()?.parse().ok()?;
        let pts_ms = fields.next()?.parse().ok()?;
        let _duration: i64 = fields.next()?.parse().ok()?;
        let size = fields.next()?.parse().ok()?;
        let md5 = fields.next()?.to_owned();
        Some(Self { track, dts_ms, pts_ms, size, md5 })
    }

    /// The same payload on the same track.
    fn is_like(&self, other: &Packet) -> bool {
        (self.track, self.size, &self.md5) == (other.track, other.size, &other.md5)
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { track, dts_ms, pts_ms, size, md5 } = self;
        write!(f, "track {track}, dts {dts_ms}, pts {pts_ms}, {size} bytes, {md5}")
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet {}", self.at)?;
        if let Some(packet) = &self.packet {
            write!(f, " ({packet})")?;
        }
        match &self.fault {
            Fault::Nothing => write!(f, " is missing, and all others: nothing was received"),
            Fault::Tracks => write!(f, " is in other tracks or has another decoder configuration"),
            Fault::Foreign => write!(f, ", the first, is nowhere in the clip"),
            Fault::Beyond => write!(f, " comes behind the end of the clip"),
            Fault::Other(packet) => write!(f, " comes where the clip has {packet}"),
            Fault::Hole(missing) => {
                write!(f, " comes too early: {missing} of the clip's are missing before it")
            }
            Fault::Time { dts_ms, pts_ms } => write!(f, " should have dts {dts_ms} and pts {pts_ms}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_and_packets_are_read_from_what_ffmpeg_writes() {
        let packets = Packets::parse(
            "#format: frame checksums\n\
             #extradata 0,                              44, c534\n\
             #tb 0: 1/1000\n\
             #codec_id 0: h264\n\
             #codec_id 1: mp3\n\
             #stream#, dts,        pts, duration,     size, hash\n\
             0,       -110,         23,       66,     2320, fd83\n\
             1,          0,          0,       23,      124, fbbb, S=1,  4, 99\n",
        )
        .unwrap();
        let codecs: Vec<_> =
            packets.tracks.iter().map(|track| (&track.codec[..], track.configuration.as_deref())).collect();
        assert_eq!(codecs, [("h264", Some("c534")), ("mp3", None)]);
        assert_eq!(packets.list, [packet(0, -110, 23, 2320, "fd83"), packet(1, 0, 0, 124, "fbbb")]);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        assert!(Packets::parse("0, 1, 2\n").unwrap_err().contains("0, 1, 2"));
        assert!(Packets::parse("#tb 0: 1/90000\n").unwrap_err().contains("90000"));
    }

    #[test]
    fn a_run_is_found_where_it_begins_also_among_equal_packets() {
        let whole = counting(&["a", "s", "s", "b", "s", "c"]);
        let received = shifted(&whole, 2..6, 1_000);
        assert_eq!(received.run_in(&whole), Ok(2..6));
    }

    #[test]
    fn every_kind_of_deviation_is_told_apart() {
        let whole = counting(&["a", "b", "c", "d"]);
        let fault = |received: &Packets| {
            let deviation = received.run_in(&whole).unwrap_err();
            (deviation.at, deviation.fault)
        };
        assert_eq!(fault(&Packets::default()), (0, Fault::Nothing));
        assert_eq!(fault(&counting(&["x", "a"])), (0, Fault::Foreign));
        assert_eq!(fault(&counting(&["a", "b", "d"])), (2, Fault::Hole(1)));
        assert_eq!(fault(&counting(&["a", "x"])), (1, Fault::Other(packet(0, 40, 40, 1, "b"))));
        assert_eq!(fault(&counting(&["a", "b", "c", "d", "a"])), (4, Fault::Beyond));
        let mut late = whole.clone();
        late.list[3].pts_ms += 1;
        assert_eq!(fault(&late), (3, Fault::Time { dts_ms: 120, pts_ms: 120 }));
        let mut other_codec = whole.clone();
        other_codec.track(0).codec = "hevc".to_owned();
        assert_eq!(fault(&other_codec), (0, Fault::Tracks));
    }

    fn packet(track: usize, dts_ms: i64, pts_ms: i64, size: usize, md5: &str) -> Packet {
        Packet { track, dts_ms, pts_ms, size, md5: md5.to_owned() }
    }

    fn counting(payloads: &[&str]) -> Packets {
        let list = (0..).step_by(40).zip(payloads).map(|(time, md5)| packet(0, time, time, 1, md5)).collect();
        Packets { tracks: Vec::new(), list }
    }

    fn shifted(whole: &Packets, range: Range<usize>, by_ms: i64) -> Packets {
        let mut part = Packets { tracks: whole.tracks.clone(), list: whole.list[range].to_vec() };
        for packet in &mut part.list {
            packet.dts_ms += by_ms;
            packet.pts_ms += by_ms;
        }
        part
    }
}
