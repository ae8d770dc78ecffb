//! GStreamer: pipelines as `gst-launch-1.0` takes them, and the packages of their elements.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::{Exit, Program};

/// What an element says on standard error beside errors, as GST_DEBUG has it.
pub type Talk = &'static str;

/// What it says unless it is asked for more.
pub const UNASKED: Talk = "";

/// Publishes an FLV file with one of the sinks. `location` may carry options behind the URL.
///
/// # Panics
/// If the program or one of the elements is missing; the message names the package.
pub fn publish(clip: &Path, sink: &str, location: &str, options: &[&str], talk: Talk) -> Program {
    let (clip, location) = (format!("location={}", clip.display()), format!("location={location}"));
    let source = ["filesrc", &clip, "!", "flvdemux", "name=d"];
    let tracks = ["d.video", "!", "queue", "!", "m.video", "d.audio", "!", "queue", "!", "m.audio"];
    let sinks = ["flvmux", "name=m", "streamable=true", "!", sink, &location];
    let elements = ["filesrc", "flvdemux", "queue", "flvmux", sink];
    launch(&[&source[..], &tracks, &sinks, options].concat(), &elements, talk)
}

/// Plays with one of the sources, and writes FLV on standard output.
///
/// # Panics
/// As [`publish`].
pub fn play(source: &str, location: &str, talk: Talk) -> Program {
    let location = format!("location={location}");
    launch(&[source, &location, "!", "fdsink", "fd=1"], &[source, "fdsink"], talk)
}

/// Shows H.264 and AAC in real time, and tells the time of each picture on standard output, with much else.
///
/// # Panics
/// As [`publish`].
pub fn show(source: &str, location: &str) -> Program {
    let location = format!("location={location}");
    let tracks = [source, &location, "!", "flvdemux", "name=d"];
    let pictures =
        ["d.video", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!", "checksumsink", "sync=true"];
    let sounds = ["d.audio", "!", "queue", "!", "aacparse", "!", "avdec_aac", "!", "fakesink", "sync=true"];
    let elements = [
        source,
        "flvdemux",
        "queue",
        "h264parse",
        "avdec_h264",
        "checksumsink",
        "aacparse",
        "avdec_aac",
        "fakesink",
    ];
    start("-v", &[&tracks[..], &pictures, &sounds].concat(), &elements, UNASKED)
}

/// The milliseconds of `0:00:01.023000000`.
pub fn time_ms(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (seconds, fraction) = seconds.split_once('.')?;
    let [hours, minutes, seconds, nanos] =
        [hours, minutes, seconds, fraction].map(|number| number.parse::<u64>().ok());
    Some(((hours? * 60 + minutes?) * 60 + seconds?) * 1_000 + nanos? / 1_000_000)
}

/// Starts a pipeline that is quiet, since its standard output may be the recording.
fn launch(pipeline: &[&str], elements: &[&str], talk: Talk) -> Program {
    start("-q", pipeline, elements, talk)
}

/// Starts a pipeline that ends at the end of its stream.
fn start(manner: &str, pipeline: &[&str], elements: &[&str], talk: Talk) -> Program {
    for element in elements {
        require(element);
    }
    let mut command = Command::new("gst-launch-1.0");
    command.args([manner, "-e"]).args(pipeline).env("GST_DEBUG", talk).env("GST_DEBUG_NO_COLOR", "1");
    Program::start(&mut command, TOOLS)
}

fn require(element: &str) {
    static FOUND: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let found = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found().contains(element) {
        return;
    }
    let mut inspect = Program::start(Command::new("gst-inspect-1.0").args(["--exists", element]), TOOLS);
    if inspect.finish() != Exit::Status(0) {
        let package = PACKAGES.iter().find(|(_, elements)| elements.contains(&element));
        let package = package.map_or("gstreamer1.0-plugins-bad", |(package, _)| package);
        panic!("the GStreamer element {element} is missing: apt-get install {package}");
    }
    found().insert(element.to_owned());
}

const TOOLS: &str = "gstreamer1.0-tools";

const PACKAGES: [(&str, &[&str]); 4] = [
    ("libgstreamer1.0-0", &["fakesink", "fdsink", "filesrc", "queue"]),
    ("gstreamer1.0-libav", &["avdec_aac", "avdec_h264"]),
    ("gstreamer1.0-plugins-good", &["aacparse", "flvdemux", "flvmux"]),
    ("gstreamer1.0-plugins-bad", &["rtmp2src", "rtmp2sink", "rtmpsrc", "rtmpsink"]),
];
