//! GStreamer: pipelines as `gst-launch-1.0` takes them, and the packages of their elements.

use std::process::Command;

use super::{Exit, Program};

/// Starts a pipeline that ends at the end of its stream. `talk` is for GST_DEBUG: what it says on standard error.
///
/// # Panics
/// If the program or one of the elements is missing; the message names the package.
pub(super) fn launch(pipeline: &[&str], elements: &[&str], talk: &str) -> Program {
    for element in elements {
        require(element);
    }
    let mut command = Command::new("gst-launch-1.0");
    // Quiet, since its standard output may be the recording.
    command.args(["-q", "-e"]).args(pipeline).env("GST_DEBUG", talk).env("GST_DEBUG_NO_COLOR", "1");
    Program::start(&mut command, TOOLS)
}

fn require(element: &str) {
    let mut inspect = Program::start(Command::new("gst-inspect-1.0").args(["--exists", element]), TOOLS);
    if inspect.finish() != Exit::Status(0) {
        let package = PACKAGES.iter().find(|(_, elements)| elements.contains(&element));
        let package = package.map_or("gstreamer1.0-plugins-bad", |(package, _)| package);
        panic!("the GStreamer element {element} is missing: apt-get install {package}");
    }
}

const TOOLS: &str = "gstreamer1.0-tools";

const PACKAGES: [(&str, &[&str]); 3] = [
    ("libgstreamer1.0-0", &["fdsink", "filesrc", "queue"]),
    ("gstreamer1.0-plugins-good", &["flvdemux", "flvmux"]),
    ("gstreamer1.0-plugins-bad", &["rtmp2src", "rtmp2sink"]),
];
