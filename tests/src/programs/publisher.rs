//! Publisher: a real program that publishes a clip.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::{Exit, Program, Stream, gstreamer};

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
    /// FFmpeg, without encoding anything again.
    pub fn ffmpeg(clip: &Path, url: &str, pace: Pace) -> Self {
        Self { program: Program::start(&mut ffmpeg(&clip.to_string_lossy(), url, pace), "ffmpeg") }
    }

    /// The same with an FLV file that the test feeds as it likes.
    pub fn ffmpeg_fed(url: &str, pace: Pace) -> Self {
        Self { program: Program::start_fed(&mut ffmpeg("pipe:0", url, pace), "ffmpeg") }
    }

    /// GStreamer's own client, in real time.
    pub fn rtmp2sink(clip: &Path, url: &str) -> Self {
        let (clip, location) = (format!("location={}", clip.display()), format!("location={url}"));
        let source = ["filesrc", &clip, "!", "flvdemux", "name=d"];
        let tracks = ["d.video", "!", "queue", "!", "m.video", "d.audio", "!", "queue", "!", "m.audio"];
        let sink = ["flvmux", "name=m", "streamable=true", "!", "rtmp2sink", &location, "sync=true"];
        let elements = ["filesrc", "flvdemux", "queue", "flvmux", "rtmp2sink"];
        Self { program: gstreamer::launch(&[&source[..], &tracks, &sink].concat(), &elements, "rtmp2sink:3") }
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

    /// Waits until it has ended by itself.
    pub fn finish(&mut self) -> Exit {
        self.program.finish()
    }

    /// What it said so far.
    pub fn words(&self) -> String {
        self.program.stderr()
    }
}

fn ffmpeg(input: &str, url: &str, pace: Pace) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "info"]);
    command.args(["-nostats", "-progress", "pipe:2", "-stats_period", "0.05"]);
    command.args(match pace {
        Pace::RealTime => &["-re"][..],
        Pace::Fast => &["-readrate", "5"],
    });
    command.args(["-i", input, "-c", "copy", "-f", "flv", url]);
    command
}
