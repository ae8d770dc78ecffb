//! `sol publish` and `sol play`, at other servers and at this one. Payloads and times come through as they were.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use sol_tests::programs::{Exit, Nginx, Player, Program, Publisher, Sol, Stream, free_port, packets_of};

use crate::ENDED_WELL;
use crate::clip::Clip;

#[test]
fn what_sol_publishes_at_nginx_is_what_nginx_keeps() {
    let (clip, nginx) = (Clip::open("h264_aac.flv"), Nginx::start());
    let mut publish = publish(&clip, &nginx.url("cam"), &[]);
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert_eq!(packets_of(&nginx.recorded("cam")).run_in(&clip.packets), Ok(clip.whole()));
    let words = publish.stderr();
    assert!(words.contains("digest handshake)\n"), "{words}");
    assert!(words.contains("sol: publishing at rtmp://127.0.0.1:"), "{words}");
}

#[test]
fn what_sol_publishes_at_ffmpeg_is_what_ffmpeg_gets() {
    let clip = Clip::open("h264_aac.flv");
    let url = format!("rtmp://127.0.0.1:{}/live/cam", free_port());
    let ffmpeg = Player::ffmpeg_listening(&url);
    // FFmpeg does not say when it listens.
    let mut publish = publish(&clip, &url, &["--reconnect"]);
    let recording = ffmpeg.finish();
    assert_eq!(recording.exit, ENDED_WELL, "{}", recording.words);
    assert_eq!(recording.packets.run_in(&clip.packets), Ok(clip.whole()));
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
}

#[test]
fn what_nginx_gives_is_what_sol_keeps() {
    let (clip, nginx, file) = (Clip::open("h264_aac.flv"), Nginx::start(), Output::new("nginx"));
    let mut play = play(&nginx.url("cam"), &["-o", file.path()]);
    play.wait_for(Stream::Err, "that it waits", |text| text.contains("nothing comes yet").then_some(()));
    let mut publish = publish(&clip, &nginx.url("cam"), &[]);
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert_eq!(play.finish(), ENDED_WELL, "{}", play.stderr());
    assert_eq!(packets_of(&file.bytes()).run_in(&clip.packets), Ok(clip.whole()));
}

#[test]
fn what_ffmpeg_gives_is_what_sol_keeps() {
    let (clip, file) = (Clip::open("h264_aac.flv"), Output::new("ffmpeg"));
    let url = format!("rtmp://127.0.0.1:{}/live/cam", free_port());
    let mut ffmpeg = Publisher::ffmpeg_listening(&clip.path, &url);
    let mut play = play(&url, &["--wait", "-o", file.path()]);
    assert_eq!(ffmpeg.finish(), ENDED_WELL, "{}", ffmpeg.words());
    // FFmpeg closes without a word about the end.
    assert_eq!(play.finish(), Exit::Status(5), "{}", play.stderr());
    assert_eq!(packets_of(&file.bytes()).run_in(&clip.packets), Ok(clip.whole()));
}

#[test]
fn what_sol_gives_is_what_sol_keeps_and_its_file_has_an_index() {
    let (clip, sol, file) = (Clip::open("h264_aac.flv"), Sol::start(), Output::new("sol"));
    let mut play = play(&sol.url("live/cam"), &["--stats", "-o", file.path()]);
    sol.wait_for(1, "play");
    let mut publish = publish(&clip, &sol.url("live/cam?token=secret"), &[]);
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert_eq!(play.finish(), ENDED_WELL, "{}", play.stderr());
    assert_eq!(packets_of(&file.bytes()).run_in(&clip.packets), Ok(clip.whole()));
    let has_index = file.bytes().windows(9).any(|window| window == b"keyframes");
    assert!(has_index);
    let numbers = String::from_utf8(play.stdout()).expect("numbers are text");
    assert!(
        numbers.lines().any(|line| line.contains(" fps  audio ") && line.ends_with("no gaps")),
        "{numbers}"
    );
    assert!(!publish.stderr().contains("secret"), "{}", publish.stderr());
    let log = sol.stop();
    assert_eq!(log.only("publish ended").text("reason"), "stopped");
    assert_eq!(log.only("play ended").text("reason"), "stream-ended");
}

#[test]
fn ctrl_c_leaves_a_whole_file_and_says_goodbye() {
    let (sol, file) = (Sol::start_with("127.0.0.1:0", &["--demo"]), Output::new("ctrl-c"));
    let mut play = play(&sol.url("live/demo"), &["--stats", "-o", file.path()]);
    play.wait_for(Stream::Out, "numbers", |text| text.contains(" fps ").then_some(()));
    play.signal(Signal::INT);
    assert_eq!(play.finish(), ENDED_WELL, "{}", play.stderr());
    assert!(!packets_of(&file.bytes()).list.is_empty());
    let mut probe = Command::new("ffprobe");
    probe.args(["-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", file.path()]);
    let mut probe = Program::start(&mut probe, "ffmpeg");
    assert_eq!(probe.finish(), ENDED_WELL);
    assert_eq!(probe.stderr(), "");
    let duration: f64 =
        String::from_utf8_lossy(&probe.stdout()).trim().parse().expect("the file has a duration");
    assert!(duration > 0.0);
    assert_eq!(sol.stop().only("play ended").text("reason"), "stopped");
}

#[test]
fn who_is_refused_is_told_by_whom_why_and_what_to_do() {
    let (clip, sol) = (Clip::open("h264_aac.flv"), Sol::start_with("127.0.0.1:0", &["--demo"]));
    let mut second = publish(&clip, &sol.url("live/demo"), &["--reconnect"]);
    assert_eq!(second.finish(), Exit::Status(4));
    let words = second.stderr();
    assert!(words.contains("refuses this publisher: "), "{words}");
    assert!(words.contains("(NetStream.Publish.BadName); somebody publishes under that name"), "{words}");

    let mut nobody = play(&format!("rtmp://127.0.0.1:{}/live/cam", free_port()), &[]);
    assert_eq!(nobody.finish(), Exit::Status(5));
    assert!(nobody.stderr().contains("nobody listens there"), "{}", nobody.stderr());

    let mut missing = Sol::run(&["publish", "/no/such.flv", &sol.url("live/cam")]);
    assert_eq!(missing.finish(), Exit::Status(1));
    assert!(missing.stderr().contains("cannot read /no/such.flv: "), "{}", missing.stderr());

    for wrong in ["http://localhost/live/cam", "rtmp://localhost/live", "rtmps://localhost/live/cam"] {
        let mut play = play(wrong, &[]);
        assert_eq!(play.finish(), Exit::Status(2), "{wrong}");
    }
}

#[test]
fn a_stream_that_is_not_there_is_reported_and_waited_for_when_asked() {
    let configuration = Output::new("toml");
    fs::write(
        configuration.path(),
        "server.rtmp = [\"127.0.0.1:0\"]\nserver.log = \"json\"\ndefaults.waiting = \"1s\"\n",
    )
    .expect("there is a folder for temporary files");
    let sol = Sol::start_configured(configuration.path().as_ref());
    let mut missing = play(&sol.url("live/cam"), &[]);
    assert_eq!(missing.finish(), Exit::Status(6));
    assert!(missing.stderr().contains("has no stream live/cam"), "{}", missing.stderr());

    let mut patient = play(&sol.url("live/cam"), &["--wait", "--duration", "1s"]);
    patient
        .wait_for(Stream::Err, "that it waits", |text| text.contains("sol: waiting for cam").then_some(()));
    let clip = Clip::open("h264_aac.flv");
    let mut publish = publish(&clip, &sol.url("live/cam"), &["--loop"]);
    assert_eq!(patient.finish(), ENDED_WELL, "{}", patient.stderr());
    publish.signal(Signal::TERM);
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
}

#[test]
fn a_publisher_that_is_cut_connects_again_and_goes_on_at_a_keyframe() {
    let (clip, first) = (Clip::open("h264_aac.flv"), Sol::start());
    let (address, url) = (first.address().to_string(), first.url("live/cam"));
    let mut publish = publish(&clip, &url, &["--loop", "--reconnect"]);
    first.wait_for(1, "publish");
    first.stop();
    publish
        .wait_for(Stream::Err, "that it tries again", |text| text.contains("; again in 1 s").then_some(()));
    let second = Sol::start_on(&address);
    second.wait_for(1, "publish");
    let mut play = play(&url, &["--duration", "1s", "-o", "-"]);
    assert_eq!(play.finish(), ENDED_WELL, "{}", play.stderr());
    let packets = packets_of(&play.stdout());
    assert!(packets.tracks.len() == 2 && packets.list.len() > 20, "{packets:?}");
    publish.signal(Signal::TERM);
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    second.stop();
}

#[test]
fn a_truncated_file_from_standard_input_is_published_up_to_its_last_message() {
    let (clip, nginx) = (Clip::open("h264_aac.flv"), Nginx::start());
    let file = Output::new("cut");
    let (whole, rest) = clip.cut_before_picture(60);
    let cut = [whole, &rest[..20]].concat();
    fs::write(file.path(), cut).expect("there is a folder for temporary files");
    let script = "exec \"$0\" publish --speed 4 - \"$1\" < \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(Sol::binary()).args([&nginx.url("cam"), file.path()]);
    let mut publish = Program::start(&mut command, "dash");
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert!(publish.stderr().contains("warning: the file ends inside"), "{}", publish.stderr());
    let expected = packets_of(whole);
    assert_eq!(packets_of(&nginx.recorded("cam")).run_in(&expected), Ok(0..expected.list.len()));
}

pub(crate) fn publish(clip: &Clip, url: &str, options: &[&str]) -> Program {
    let file = clip.path.to_str().expect("the path is UTF-8");
    Sol::run(&[&["publish", file, url], options].concat())
}

pub(crate) fn play(url: &str, options: &[&str]) -> Program {
    Sol::run(&[&["play", url], options].concat())
}

/// A file that goes with the test.
pub(crate) struct Output(PathBuf);

impl Output {
    pub(crate) fn new(name: &str) -> Self {
        let file = format!("sol-client-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(file))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("the path is UTF-8")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap_or_else(|error| panic!("{}: {error}", self.0.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(&self.0);
    }
}
