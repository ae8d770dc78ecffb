//! Display: a real player that decodes a stream, shows it to nobody as fast as it is meant to be seen, and says where in it it is.

use std::process::Command;

use super::packets::Packets;
use super::{Exit, Family, Ffmpeg, Program, Stream, gstreamer, vlc};

/// A player that shows a stream.
#[derive(Debug)]
pub struct Display {
    /// Which program it is.
    pub family: Family,
    program: Program,
    /// What VLC answered so far when it was asked where it is.
    answers: usize,
}

/// What a player said of what it showed, by the time it ended.
#[derive(Debug)]
pub struct Shown {
    /// Which program it was.
    pub family: Family,
    /// How it ended.
    pub exit: Exit,
    /// Where it was, each time it said so: FFmpeg and GStreamer with each picture, mpv now and then, VLC when it was asked.
    pub places_ms: Vec<u64>,
    /// The sizes of pictures that it showed, in order.
    pub sizes: Vec<(u32, u32)>,
    /// All packets, where it tells of them.
    pub packets: Option<Packets>,
    /// What it said on both streams.
    pub words: String,
    /// Testifies should the test fail.
    _program: Program,
}

/// What VLC counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Pictures that it showed.
    pub shown: u64,
    /// Pictures that came too late to be shown.
    pub lost: u64,
    /// Sounds that it played.
    pub played: u64,
}

impl Display {
    /// FFmpeg, which takes everything as it comes, and tells its packets and its pictures.
    pub fn ffmpeg(url: &str) -> Self {
        Self::by_ffmpeg(Ffmpeg::Debian, url)
    }

    /// The same with one that knows Enhanced RTMP.
    pub fn ffmpeg_9(url: &str) -> Self {
        Self::by_ffmpeg(Ffmpeg::Nine, url)
    }

    fn by_ffmpeg(ffmpeg: Ffmpeg, url: &str) -> Self {
        let mut command = ffmpeg.command();
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-i", url]);
        command.args(["-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "framemd5", "pipe:1"]);
        // At their own times, not at those of a constant rate.
        command.args([
            "-map",
            "0:v",
            "-vf",
            "showinfo",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1:1000",
        ]);
        command.args(["-f", "null", "-"]);
        Self::of(Family::Ffmpeg, ffmpeg.start(&mut command))
    }

    /// GStreamer's own client, with sinks that wait for the time of each picture and sound.
    pub fn rtmp2src(url: &str) -> Self {
        Self::of(Family::Rtmp2src, gstreamer::show("rtmp2src", url))
    }

    /// mpv, with outputs that take as long as real ones.
    pub fn mpv(url: &str) -> Self {
        let mut command = Command::new("mpv");
        command.args(["--no-config", "--msg-level=all=v", "--vo=null", "--ao=null"]);
        command.args([&format!("--term-status-msg={PLACE}${{=time-pos}}\n"), url]);
        Self::of(Family::Mpv, Program::start(&mut command, "mpv"))
    }

    /// VLC, with outputs that take as long as real ones.
    pub fn vlc(url: &str) -> Self {
        Self::of(Family::Vlc, Program::start_fed(&mut vlc::show(url), vlc::PACKAGES))
    }

    fn of(family: Family, program: Program) -> Self {
        Self { family, program, answers: 0 }
    }

    /// Where it is in the stream. VLC is asked, and tells whole seconds.
    pub fn place_ms(&mut self) -> Option<u64> {
        if self.family == Family::Vlc {
            let wanted = self.answers + 1;
            self.program.feed(b"get_time\n");
            self.program.wait_for(Stream::Out, "an answer to get_time", |text| {
                (vlc::answers(text).count() >= wanted).then_some(())
            });
            self.answers = wanted;
        }
        self.places_ms().last().copied()
    }

    /// Waits until it says that it is so far. Not for VLC, which says nothing by itself.
    pub fn wait_until_at(&self, place_ms: u64) {
        let family = self.family;
        assert_ne!(family, Family::Vlc, "VLC says nothing by itself");
        let stream = if family == Family::Mpv { Stream::Err } else { Stream::Out };
        self.program.wait_for(stream, &format!("picture at {place_ms} ms"), |text| {
            places_in(family, text).last().is_some_and(|&at| at >= place_ms).then_some(())
        });
    }

    /// What VLC has counted so far.
    pub fn tally(&mut self) -> Tally {
        let before = String::from_utf8_lossy(&self.program.stdout()).matches(END_OF_TALLY).count();
        self.program.feed(b"stats\n");
        self.program.wait_for(Stream::Out, "statistics", |text| {
            if text.matches(END_OF_TALLY).count() == before {
                return None;
            }
            let count = |what: &str| text.rsplit(what).next()?.split_whitespace().nth(1)?.parse().ok();
            Some(Tally {
                shown: count("frames displayed")?,
                lost: count("frames lost")?,
                played: count("buffers played")?,
            })
        })
    }

    /// Waits until it has ended by itself.
    pub fn finish(mut self) -> Shown {
        let exit = self.program.finish();
        let out = String::from_utf8_lossy(&self.program.stdout()).into_owned();
        let packets = (self.family == Family::Ffmpeg)
            .then(|| Packets::parse(&out).unwrap_or_else(|complaint| panic!("{complaint}")));
        let places_ms = self.places_ms();
        let words = self.program.stderr() + &out;
        let sizes = sizes_in(self.family, &words);
        Shown { family: self.family, exit, places_ms, sizes, packets, words, _program: self.program }
    }

    fn places_ms(&self) -> Vec<u64> {
        match self.family {
            Family::Mpv => places_in(self.family, &self.program.stderr()),
            _ => places_in(self.family, &String::from_utf8_lossy(&self.program.stdout())),
        }
    }
}

/// The places that a player told of in its whole lines.
fn places_in(family: Family, text: &str) -> Vec<u64> {
    match family {
        Family::Ffmpeg => {
            // Track, decoding time, and so on; the video is the first track.
            let picture = |line: &str| line.strip_prefix("0,")?.split(',').next()?.trim().parse::<i64>().ok();
            text.lines().filter_map(picture).map(|at| u64::try_from(at).unwrap_or(0)).collect()
        }
        Family::Rtmp2src | Family::Rtmpsrc => {
            text.lines().filter_map(|line| gstreamer::time_ms(line.split(' ').next()?)).collect()
        }
        Family::Mpv => {
            let place = |rest: &str| rest.split_whitespace().next()?.parse().ok().map(millis);
            text.split(PLACE).skip(1).filter_map(place).collect()
        }
        Family::Vlc => vlc::answers(text).map(|seconds| seconds * 1_000).collect(),
        Family::Rtmpdump | Family::Curl => Vec::new(),
    }
}

/// The sizes of pictures that a player told of, in order.
fn sizes_in(family: Family, words: &str) -> Vec<(u32, u32)> {
    let size = |text: &str| {
        let (width, rest) = text.split_once('x')?;
        let height = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
        Some((width.parse().ok()?, height.parse().ok()?))
    };
    let in_caps = |text: &str| {
        let number = |name: &str| {
            text.split(name).nth(1)?.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
        };
        Some((number("width=(int)")?, number("height=(int)")?))
    };
    let all: Vec<(u32, u32)> = match family {
        Family::Ffmpeg => words
            .lines()
            .filter(|line| line.contains("pts_time:"))
            .filter_map(|line| size(line.split(" s:").nth(1)?))
            .collect(),
        Family::Rtmp2src | Family::Rtmpsrc => {
            words.lines().filter(|line| line.contains("ChecksumSink")).filter_map(in_caps).collect()
        }
        Family::Mpv => words.split("[vo/null] reconfig to ").skip(1).filter_map(size).collect(),
        Family::Vlc => words
            .lines()
            .filter(|line| line.contains("original format"))
            .filter_map(|line| size(line.split(" vsz ").nth(1)?))
            .collect(),
        Family::Rtmpdump | Family::Curl => Vec::new(),
    };
    let mut sizes = all;
    sizes.dedup();
    sizes
}

fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}

/// Behind all that VLC counts.
const END_OF_TALLY: &str = "end of statistical info";

/// In front of each place that mpv tells.
const PLACE: char = '@';
