//! Player: a real program that plays a stream and keeps what it got.

use std::fmt;
use std::process::Command;

use super::flv::{self, Tag};
use super::packets::Packets;
use super::{Exit, Ffmpeg, Program, Stream, gstreamer, vlc};

/// A program that plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `ffmpeg`, which copies.
    Ffmpeg,
    /// `rtmpdump`.
    Rtmpdump,
    /// GStreamer's own client.
    Rtmp2src,
    /// librtmp in GStreamer.
    Rtmpsrc,
    /// librtmp in `curl`.
    Curl,
    /// `mpv`.
    Mpv,
    /// `vlc`.
    Vlc,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Ffmpeg => "ffmpeg",
            Family::Rtmpdump => "rtmpdump",
            Family::Rtmp2src => "rtmp2src",
            Family::Rtmpsrc => "rtmpsrc",
            Family::Curl => "curl",
            Family::Mpv => "mpv",
            Family::Vlc => "vlc",
        })
    }
}

/// A player that runs.
#[derive(Debug)]
pub struct Player {
    /// Which program it is.
    pub family: Family,
    program: Program,
    keeps: Keeps,
}

/// What a player puts on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// A digest of each packet.
    Digests,
    /// An FLV file.
    Flv,
}

/// What a player got by the time it ended.
#[derive(Debug)]
pub struct Recording {
    /// Which program it was.
    pub family: Family,
    /// How it ended.
    pub exit: Exit,
    /// What it said.
    pub words: String,
    /// All packets.
    pub packets: Packets,
    /// The messages as they came, if the player keeps them.
    pub tags: Option<Vec<Tag>>,
    /// Testifies should the test fail.
    _program: Program,
}

impl Player {
    /// FFmpeg, which copies packets and tells their digests.
    pub fn ffmpeg(url: &str) -> Self {
        Self::by_ffmpeg(Ffmpeg::Debian, &["-i", url])
    }

    /// The same with one that knows Enhanced RTMP, which copies all tracks.
    pub fn ffmpeg_9(url: &str) -> Self {
        Self::by_ffmpeg(Ffmpeg::Nine, &["-i", url])
    }

    /// FFmpeg as a server that waits for one publisher.
    pub fn ffmpeg_listening(url: &str) -> Self {
        Self::by_ffmpeg(Ffmpeg::Debian, &["-listen", "1", "-i", url])
    }

    fn by_ffmpeg(ffmpeg: Ffmpeg, input: &[&str]) -> Self {
        let mut command = ffmpeg.command();
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "verbose"]).args(input);
        command.args(to_digests(ffmpeg));
        Self { family: Family::Ffmpeg, program: ffmpeg.start(&mut command), keeps: Keeps::Digests }
    }

    /// rtmpdump, which is librtmp by its authors.
    pub fn rtmpdump(url: &str) -> Self {
        let mut command = Command::new("rtmpdump");
        command.args(["--live", "--rtmp", url, "--flv", "-"]);
        Self {
            family: Family::Rtmpdump,
            program: Program::start(&mut command, "rtmpdump"),
            keeps: Keeps::Flv,
        }
    }

    /// GStreamer's own client.
    pub fn rtmp2src(url: &str) -> Self {
        Self {
            family: Family::Rtmp2src,
            program: gstreamer::play("rtmp2src", url, "rtmp2src:4"),
            keeps: Keeps::Flv,
        }
    }

    /// librtmp in GStreamer. When its stream ends it joins anew at once, and ends when that gives it nothing.
    pub fn rtmpsrc(url: &str) -> Self {
        let program = gstreamer::play("rtmpsrc", &format!("{url} live=1"), "rtmpsrc:5");
        Self { family: Family::Rtmpsrc, program, keeps: Keeps::Flv }
    }

    /// librtmp in curl. It leaves when the server closes.
    pub fn curl(url: &str) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", url]);
        Self { family: Family::Curl, program: Program::start(&mut command, "curl"), keeps: Keeps::Flv }
    }

    /// mpv, which decodes and shows everything to nobody, and records the packets besides.
    pub fn mpv(url: &str) -> Self {
        let mut command = Command::new("mpv");
        command.args(["--no-config", "--no-terminal", "--log-file=/dev/stderr"]);
        command.args(["--vo=null", "--ao=null", "--untimed", "--ao-null-untimed"]);
        // FFmpeg's `pipe:` with anything but a number is standard output, and the ending names the format.
        command.args(["--stream-record=pipe:recording.flv", url]);
        Self { family: Family::Mpv, program: Program::start(&mut command, "mpv"), keeps: Keeps::Flv }
    }

    /// VLC, which keeps what [`packets_by_vlc`](super::packets_by_vlc) makes of a file.
    pub fn vlc(url: &str) -> Self {
        let program = Program::start(&mut vlc::remux(url, "file", vlc::STDOUT), vlc::PACKAGES);
        Self { family: Family::Vlc, program, keeps: Keeps::Flv }
    }

    /// Waits until FFmpeg has told the digests of so many packets.
    pub fn wait_for_packets(&self, count: usize) {
        self.program.wait_for(Stream::Out, &format!("{count} packets"), |text| {
            (text.lines().filter(|line| !line.starts_with('#')).count() >= count).then_some(())
        });
    }

    /// Waits until it has ended by itself.
    pub fn finish(mut self) -> Recording {
        let exit = self.program.finish();
        let kept = self.program.stdout();
        let (packets, tags) = match self.keeps {
            Keeps::Digests => (parsed(&kept), None),
            Keeps::Flv if kept.is_empty() => (Packets::default(), Some(Vec::new())),
            Keeps::Flv => (packets_of(&kept), Some(flv::tags(&kept))),
        };
        Recording {
            family: self.family,
            exit,
            words: self.program.stderr(),
            packets,
            tags,
            _program: self.program,
        }
    }
}

/// The packets of an FLV file, as FFmpeg understands it.
///
/// # Panics
/// If FFmpeg does not, or is missing.
pub fn packets_of(file: &[u8]) -> Packets {
    packets_by(Ffmpeg::Debian, file)
}

/// The packets of all tracks of an Enhanced FLV file, as FFmpeg 9 understands it.
///
/// # Panics
/// If it does not, or is missing.
pub fn packets_by_ffmpeg_9(file: &[u8]) -> Packets {
    packets_by(Ffmpeg::Nine, file)
}

fn packets_by(ffmpeg: Ffmpeg, file: &[u8]) -> Packets {
    let mut command = ffmpeg.command();
    command.args(["-hide_banner", "-nostats", "-loglevel", "error", "-f", "flv", "-i", "pipe:0"]);
    command.args(to_digests(ffmpeg));
    let mut program = ffmpeg.start_fed(&mut command);
    program.feed(file);
    assert_eq!(program.finish(), Exit::Status(0), "ffmpeg reads an FLV file of {} bytes", file.len());
    parsed(&program.stdout())
}

/// FFmpeg's options for an output that tells the digest of each packet.
fn to_digests(ffmpeg: Ffmpeg) -> impl Iterator<Item = &'static str> {
    let tracks: &[&str] = match ffmpeg {
        // One of each kind: it knows no others.
        Ffmpeg::Debian => &[],
        Ffmpeg::Nine => &["-map", "0:v?", "-map", "0:a?"],
    };
    tracks.iter().copied().chain(["-c", "copy", "-f", "framemd5", "pipe:1"])
}

fn parsed(framemd5: &[u8]) -> Packets {
    Packets::parse(&String::from_utf8_lossy(framemd5)).unwrap_or_else(|complaint| panic!("{complaint}"))
}
