//! VLC: without a display, sound or settings, and what it makes of a clip.
//!
//! VLC never passes an H.264 track on as it is: it puts the parameter sets in front of each keyframe, and its muxer
//! keeps the last sounds for itself. Both are the same each time, so that what Sol passed on to it or from it is
//! compared with what VLC makes of the clip without any server.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::packets::Packets;
use super::{Exit, Program, packets_of};

/// VLC that reads `input`, writes FLV to `output` with one of its accesses, and ends.
pub(super) fn remux(input: &str, access: &str, output: &str) -> Command {
    let mut command = vlc("dummy");
    command.args(["--play-and-exit", input]);
    command.args(["--sout", &format!("#std{{access={access},mux=ffmpeg{{mux=flv}},dst={output}}}")]);
    command
}

/// VLC that shows `input` in real time, takes questions on standard input and answers them on standard output.
pub(super) fn show(input: &str) -> Command {
    let mut command = vlc("oldrc");
    command.args(["--rc-fake-tty", "-vv", "--vout", "vdummy", "--play-and-exit", input]);
    command
}

/// Whole seconds, which it answers when it is asked where it is.
pub(super) fn answers(output: &str) -> impl Iterator<Item = u64> {
    output.lines().filter_map(|line| line.trim_start_matches("> ").trim().parse().ok())
}

fn vlc(interface: &str) -> Command {
    let mut command = Command::new("vlc");
    // No window, no desktop, and no sound device even to ask for its volume.
    command.args(["-I", interface, "--no-dbus", "--no-one-instance", "-A", "dummy", "--ignore-config"]);
    // It refuses to run as root, and does without a home.
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY).env("HOME", "/nonexistent");
    }
    command
}

/// What VLC makes of an FLV file.
///
/// # Panics
/// If it makes nothing of it, or is missing.
pub fn packets_by_vlc(file: &[u8]) -> Packets {
    let mut program = Program::start_fed(&mut remux(STDIN, "file", STDOUT), PACKAGES);
    program.feed(file);
    assert_eq!(program.finish(), Exit::Status(0), "VLC reads an FLV file of {} bytes", file.len());
    packets_of(&program.stdout())
}

pub(super) const STDIN: &str = "-";
pub(super) const STDOUT: &str = "-";

pub(super) const PACKAGES: &str = "vlc-bin vlc-plugin-base";

/// Debian's user and group without any rights.
const NOBODY: u32 = 65_534;
