//! Publisher: a real program that publishes a clip.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::packets::Packets;
use super::{Exit, Ffmpeg, Program, Sol, Stream, gstreamer, packets_of, vlc};

/// A publisher that runs.
#[derive(Debug)]
pub struct Publisher {
    program: Program,
}

/// How fast a clip is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As a camera would.
    RealTime,
    /// Five times as fast, where it makes no difference but to the patience of whoever runs the tests.
    Fast,
}

impl Publisher {
    /// FFmpeg as a server that waits for one player, and sends it a file in real time.
    pub fn ffmpeg_listening(file: &Path, url: &str) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "verbose", "-re", "-i"]);
        command.arg(file).args(["-c", "copy", "-f", "flv", "-listen", "1", url]);
        Self { program: Program::start(&mut command, "ffmpeg") }
    }

    /// FFmpeg, without encoding anything again.
    pub fn ffmpeg(clip: &Path, url: &str, pace: Pace) -> Self {
        Self::by_ffmpeg(Ffmpeg::Debian, clip, url, pace)
    }

    /// The same with one that knows Enhanced RTMP, which publishes all tracks.
    pub fn ffmpeg_9(clip: &Path, url: &str, pace: Pace) -> Self {
        Self::by_ffmpeg(Ffmpeg::Nine, clip, url, pace)
    }

    fn by_ffmpeg(which: Ffmpeg, clip: &Path, url: &str, pace: Pace) -> Self {
        let clip = clip.to_string_lossy();
        Self { program: which.start(&mut ffmpeg(which, &clip, url, pace)) }
    }

    /// The same with an FLV file that the test feeds as it likes.
    pub fn ffmpeg_fed(url: &str, pace: Pace) -> Self {
        let which = Ffmpeg::Debian;
        Self { program: which.start_fed(&mut ffmpeg(which, "pipe:0", url, pace)) }
    }

    /// FFmpeg as a camera: it encodes a test picture of this size, 25 a second, and a tone, until it is stopped. `more` are
    /// options of its output.
    pub fn camera(url: &str, size: &str, more: &[&str]) -> Self {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "info", "-nostats"]);
        command.args(["-re", "-f", "lavfi", "-i", &format!("testsrc2=size={size}:rate=25")]);
        command.args(["-re", "-f", "lavfi", "-i", "sine"]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"]);
        command.args(["-threads", "1", "-c:a", "aac"]).args(more).args(["-f", "flv", url]);
        Self { program: Program::start(&mut command, "ffmpeg") }
    }

    /// `sol publish`, which sends a file in real time again and again until it is stopped.
    pub fn sol_again_and_again(file: &Path, url: &str) -> Self {
        let file = file.to_str().expect("the path is UTF-8");
        Self { program: Sol::run(&["publish", "--loop", file, url]) }
    }

    /// GStreamer's own client, in real time.
    pub fn rtmp2sink(clip: &Path, url: &str) -> Self {
        Self { program: gstreamer::publish(clip, "rtmp2sink", url, &["sync=true"], "rtmp2sink:3") }
    }

    /// librtmp in GStreamer, as fast as the server takes it.
    pub fn rtmpsink(clip: &Path, url: &str) -> Self {
        let location = format!("{url} live=1");
        Self { program: gstreamer::publish(clip, "rtmpsink", &location, &["sync=false"], "rtmpsink:3") }
    }

    /// librtmp in curl, which pushes the whole file as fast as the server takes it.
    pub fn curl(clip: &Path, url: &str) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--upload-file"]).arg(clip).arg(url);
        Self { program: Program::start(&mut command, "curl") }
    }

    /// mpv, which encodes the clip anew. What comes out is the same each time.
    pub fn mpv(clip: &Path, url: &str) -> Self {
        Self { program: Program::start(&mut mpv_encoder(clip, url), "mpv") }
    }

    /// VLC, which sends what [`packets_by_vlc`](super::packets_by_vlc) makes of a file, in real time.
    pub fn vlc(file: &[u8], url: &str) -> Self {
        let mut program = Program::start_fed(&mut vlc::remux(vlc::STDIN, "avio", url), vlc::PACKAGES);
        program.feed(file);
        Self { program }
    }

    /// Gives a fed publisher more of its file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.program.feed(bytes);
    }

    /// Waits until FFmpeg says that it has published so many pictures.
    pub fn wait_for_pictures(&self, count: usize) {
        let is_enough = |line: &str| {
            let published = line.strip_prefix("frame=").and_then(|frame| frame.trim().parse::<usize>().ok());
            published.is_some_and(|published| published >= count)
        };
        self.program.wait_for(Stream::Err, &format!("progress to picture {count}"), |text| {
            text.lines().any(is_enough).then_some(())
        });
    }

    /// Ends it as the kernel does when memory runs out, or a person who has lost patience.
    pub fn kill(mut self) {
        self.program.signal(Signal::KILL);
        assert_eq!(self.program.finish(), Exit::Signal, "nothing survives SIGKILL");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        self.program.terminate();
        self.program.finish();
    }

    /// Waits until it has ended by itself.
    pub fn finish(&mut self) -> Exit {
        self.program.finish()
    }

    /// What it said so far.
    pub fn words(&self) -> String {
        self.program.stderr()
    }
}

/// What mpv publishes of a clip, without a server.
///
/// # Panics
/// If it publishes nothing, or is missing.
pub fn packets_by_mpv(clip: &Path) -> Packets {
    let mut program = Program::start(&mut mpv_encoder(clip, "-"), "mpv");
    assert_eq!(program.finish(), Exit::Status(0), "mpv encodes {}", clip.display());
    packets_of(&program.stdout())
}

fn mpv_encoder(clip: &Path, output: &str) -> Command {
    let mut command = Command::new("mpv");
    command.args(["--no-config", "--really-quiet", "--of=flv", "--oac=aac", "--ovc=libx264"]);
    command.args(["--ovcopts=preset=veryfast,tune=zerolatency,g=15", &format!("--o={output}")]).arg(clip);
    command
}

fn ffmpeg(which: Ffmpeg, input: &str, url: &str, pace: Pace) -> Command {
    let mut command = which.command();
    command.args(["-nostdin", "-hide_banner", "-loglevel", "info"]);
    command.args(["-nostats", "-progress", "pipe:2", "-stats_period", "0.05"]);
    command.args(match pace {
        Pace::RealTime => &["-re"][..],
        Pace::Fast => &["-readrate", "5"],
    });
    command.args(["-i", input]);
    command.args(match which {
        Ffmpeg::Debian => &[][..],
        Ffmpeg::Nine => &["-map", "0"],
    });
    command.args(["-c", "copy", "-f", "flv", url]);
    command
}
