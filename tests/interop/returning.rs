//! Publishers that vanish and are followed by another, while players of every family that decodes watch all along.
//!
//! docs/players.md says what each was seen to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sol_tests::captures;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::script::{self, Phase};
use sol_tests::programs::flv::{self, Kind, Tag};
use sol_tests::programs::{DEADLINE, Display, Family, LogLine, Program, Publisher, Shown, Sol, Tally};
use sol_tests::wire::Wire;

use crate::ENDED_WELL;

#[test]
fn ffmpeg_that_is_killed_and_starts_again_goes_on_for_every_player() {
    let seen = vanished_and_followed_by(|show| Publisher::camera(&show.url, SMALL, &[]), Publisher::stop);

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
}

/// VLC never looks at a second configuration, so the keyframe brings it along.
#[test]
fn ffmpeg_that_comes_back_with_another_resolution_goes_on_for_every_player() {
    let seen = vanished_and_followed_by(|show| Publisher::camera(&show.url, LARGE, &[]), Publisher::stop);

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
    for shown in &seen.shown {
        assert_eq!(shown.sizes, [(160, 120), (320, 240)], "{}", shown.family);
    }
}

#[test]
fn ffmpeg_that_comes_back_with_a_clock_of_five_hours_goes_on_for_every_player() {
    let options = ["-output_ts_offset", "20000"];
    let camera = |show: &Show| Publisher::camera(&show.url, SMALL, &options);
    let seen = vanished_and_followed_by(camera, Publisher::stop);

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
}

/// What OBS 29 sent when it was recorded, and what OBS 32 sent.
#[test]
fn what_obs_sends_goes_on_for_every_player() {
    let files = Folder::new("obs");
    let [before, after] = ["pub-obs29-h264-aac", "pub-obs32-h264-aac"].map(|stem| files.extract(stem));
    let obs = |file: &Path, show: &Show| Publisher::sol_again_and_again(file, &show.url);
    let seen = followed_by(|show| obs(&before, show), |show| obs(&after, show), Publisher::stop);

    seen.assert_went_on(OBS_REORDERS);
    seen.assert_all_pictures_are_whole();
}

#[test]
fn a_publisher_with_random_timestamps_goes_on_for_every_player() {
    let seen = vanished_and_followed_by(|show| Hostile::start(&show.sol), Hostile::stop);

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
}

/// With another resolution, so that it can be seen.
#[test]
fn a_backup_takes_over_for_every_player_from_ffmpeg_that_is_killed() {
    let mut show = Show::open();
    let main = Publisher::camera(&show.url, SMALL, &[]);
    show.sol.wait_for(1, "publish");
    let backup = Publisher::camera(&format!("{}?role=backup", show.url), LARGE, &[]);
    show.sol.wait_for(1, "stands by");
    show.wait_for_pictures();
    show.vanishes(main);
    show.sol.wait_for(1, "on air");
    show.wait_until_beyond_the_splice();
    let seen = show.ends(|| backup.stop());

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
    for shown in &seen.shown {
        assert_eq!(shown.sizes, [(160, 120), (320, 240)], "{}", shown.family);
    }
}

#[test]
fn ffmpeg_with_the_same_key_takes_the_place_of_one_that_still_sends_for_every_player() {
    let mut show = Show::open();
    let url = format!("{}?key=secret", show.url);
    let mut first = Publisher::camera(&url, SMALL, &[]);
    show.wait_for_pictures();
    let second = show.loses_its_publisher(|| Publisher::camera(&url, SMALL, &[]));
    assert_ne!(first.finish(), ENDED_WELL, "it was told");
    show.wait_until_beyond_the_splice();
    let seen = show.ends_after(&["replaced"], || second.stop());

    seen.assert_went_on(Duration::ZERO);
    seen.assert_all_pictures_are_whole();
}

/// FFmpeg publishes and is killed, and another publisher comes, which ends in good order.
fn vanished_and_followed_by<P>(start: impl FnOnce(&Show) -> P, stop: impl FnOnce(P)) -> Seen {
    followed_by(|show| Publisher::camera(&show.url, SMALL, &[]), start, stop)
}

fn followed_by<P>(
    first: impl FnOnce(&Show) -> Publisher,
    second: impl FnOnce(&Show) -> P,
    stop: impl FnOnce(P),
) -> Seen {
    let mut show = Show::open();
    let first = first(&show);
    show.wait_for_pictures();
    show.vanishes(first);
    let second = second(&show);
    show.wait_until_beyond_the_splice();
    show.ends(|| stop(second))
}

/// A server, and players that came before anybody published.
struct Show {
    sol: Sol,
    url: String,
    /// FFmpeg first, which has everything as soon as it comes.
    displays: [Display; 4],
    watch: Wire<script::Player>,
    /// How far the stream was when its publisher vanished, or a little further.
    splice_ms: u64,
    /// What VLC had shown by then.
    before: Option<Tally>,
}

/// What came of it.
struct Seen {
    shown: [Shown; 4],
    /// As they came.
    media: Vec<MediaReceived>,
    splice_ms: u64,
    /// What VLC had shown when the first publisher vanished, and a second behind the splice.
    vlc: [Tally; 2],
    play_ends: Vec<LogLine>,
}

impl Show {
    fn open() -> Self {
        let mut sol = Sol::start();
        sol.extend_deadline(2 * DEADLINE);
        let url = sol.url("live/cam");
        let displays =
            [Display::ffmpeg(&url), Display::rtmp2src(&url), Display::mpv(&url), Display::vlc(&url)];
        let watch = Wire::connect(sol.address(), script::Player::new("live", "cam"));
        let mut watch = watch.expect("the server listens");
        // Nobody is told yet that it plays.
        let has_asked = |player: &script::Player| matches!(player.phase(), Phase::Starting(_));
        watch.run_until(has_asked).expect("the server answers");
        sol.wait_for(displays.len() + 1, "play");
        Self { sol, url, displays, watch, splice_ms: 0, before: None }
    }

    /// Until every player shows the stream.
    fn wait_for_pictures(&mut self) {
        self.wait_until_all_are_at(BEGUN_MS);
    }

    /// The publisher is gone without a word.
    fn vanishes(&mut self, publisher: Publisher) {
        self.loses_its_publisher(|| publisher.kill());
    }

    fn loses_its_publisher<T>(&mut self, by: impl FnOnce() -> T) -> T {
        let [ffmpeg, .., vlc] = &mut self.displays;
        self.before = Some(vlc.tally());
        let done = by();
        self.sol.wait_for(1, "publish ended");
        // What FFmpeg has not told yet is on its way through it.
        self.splice_ms = ffmpeg.place_ms().expect("it has shown something") + ON_ITS_WAY_MS;
        done
    }

    /// Until every player has shown what the next publisher sends.
    fn wait_until_beyond_the_splice(&mut self) {
        self.wait_until_all_are_at(self.splice_ms + BEYOND_MS);
    }

    fn wait_until_all_are_at(&mut self, place_ms: u64) {
        let [ffmpeg, others @ .., vlc] = &mut self.displays;
        ffmpeg.wait_until_at(place_ms);
        for display in others {
            display.wait_until_at(place_ms);
        }
        // It says nothing by itself, so it is asked whenever more has come to another.
        while vlc.place_ms().is_none_or(|at| at < place_ms) {
            let more_ms = ffmpeg.place_ms().unwrap_or(0) + ASKED_EVERY_MS;
            ffmpeg.wait_until_at(more_ms);
        }
    }

    /// The publisher ends the stream in good order.
    fn ends(self, stop: impl FnOnce()) -> Seen {
        self.ends_after(&["peer-left", "peer-reset"], stop)
    }

    /// The same, where the first publisher has ended for one of these reasons.
    fn ends_after(mut self, first: &[&str], stop: impl FnOnce()) -> Seen {
        let [.., vlc] = &mut self.displays;
        let vlc = [self.before.expect("a publisher has vanished"), vlc.tally()];
        stop();
        let shown = self.displays.map(Display::finish);
        self.watch.run_to_the_end().expect("the server closes in good order");
        let log = self.sol.stop();
        let reasons: Vec<_> =
            log.of("publish ended").iter().map(|end| end.text("reason").to_owned()).collect();
        assert!(first.contains(&&reasons[0][..]), "{reasons:?}");
        assert_eq!(reasons[1..], ["stopped"]);
        let play_ends = log.of("play ended").into_iter().cloned().collect();
        let media = self.watch.script.media().to_vec();
        Seen { shown, media, splice_ms: self.splice_ms, vlc, play_ends }
    }
}

impl Seen {
    /// Nobody was told of anything, nothing was lost, and no time goes back: neither on the wire nor in what players say. A picture
    /// that was sent ahead of others, which were to be shown before it and have not come, may be `reordered` too early.
    #[track_caller]
    fn assert_went_on(&self, reordered: Duration) {
        assert_eq!(self.play_ends.len(), self.shown.len() + 1);
        for end in &self.play_ends {
            assert_eq!((end.text("reason"), end.count("gaps")), ("stream-ended", 0), "{end}");
        }
        for type_id in [TypeId::VIDEO, TypeId::AUDIO] {
            let of_it = self.media.iter().filter(|media| media.type_id == type_id);
            let times_ms: Vec<_> = of_it.map(|media| media.timestamp_ms.into()).collect();
            assert_goes_on(&times_ms, 0, STEP_MS, "the wire");
        }
        for shown in &self.shown {
            let family = shown.family;
            assert_eq!(shown.exit, ENDED_WELL, "{family}");
            let reordered_ms = reordered.as_millis() as u64;
            let (back_ms, step_ms) = match family {
                // It tells when each picture is decoded.
                Family::Ffmpeg => (0, STEP_MS),
                // When each is shown.
                Family::Rtmp2src => (reordered_ms, STEP_MS + reordered_ms),
                // The same now and then.
                Family::Mpv => (reordered_ms, u64::MAX),
                // Whole seconds when it is asked.
                _ => (0, u64::MAX),
            };
            assert_goes_on(&shown.places_ms, back_ms, step_ms, &family.to_string());
            let last = *shown.places_ms.last().expect("it showed something");
            assert!(last >= self.splice_ms + BEYOND_MS, "{family}: {last}");
        }
        let [before, after] = self.vlc;
        assert!(before.shown > 0 && after.shown > before.shown, "{before:?} {after:?}");
        assert!(before.played > 0 && after.played > before.played, "{before:?} {after:?}");
    }

    /// No decoder found anything wrong with what it got.
    #[track_caller]
    fn assert_all_pictures_are_whole(&self) {
        for shown in &self.shown {
            assert_all_pictures_are_whole(shown);
        }
    }
}

#[track_caller]
fn assert_all_pictures_are_whole(shown: &Shown) {
    let Shown { family, words, .. } = shown;
    for complaint in [BROKEN_PICTURE, "concealing"] {
        assert!(!words.contains(complaint), "{family}: {complaint}");
    }
}

/// It never goes back by more than that, and no step is longer than that.
#[track_caller]
fn assert_goes_on(times_ms: &[u64], back_ms: u64, step_ms: u64, whose: &str) {
    for (at, pair) in times_ms.windows(2).enumerate() {
        let (before, after) = (pair[0], pair[1]);
        let goes_on = before <= after + back_ms && after <= before.saturating_add(step_ms);
        assert!(goes_on, "{whose}: {before} and then {after}, at {at}");
    }
}

/// A publisher of the same picture and tone that sends each message when it is due, and stamps it with anything.
struct Hostile {
    stop: mpsc::Sender<()>,
    publishing: thread::JoinHandle<()>,
}

impl Hostile {
    fn start(sol: &Sol) -> Self {
        let tags = filmed();
        let wire = Wire::connect(sol.address(), script::Publisher::by_hand("live", "cam"));
        let mut wire = wire.expect("the server listens");
        let &Phase::Live(stream) = wire.decide().expect("the server answers") else { panic!("refused") };
        let (stop, stopped) = mpsc::channel();
        let publishing = thread::spawn(move || {
            let began = Instant::now();
            let mut random = 7_u32;
            let media = tags.iter().filter(|tag| !matches!(tag.kind, Kind::Other(_)));
            // Again and again: nobody knows how long a busy machine takes.
            let rounds = (0..).map(|round| Duration::from_secs(FILM_SECONDS.into()) * round);
            let due_and_media = rounds.flat_map(|begins| {
                media.clone().map(move |tag| (begins + Duration::from_millis(tag.timestamp_ms.into()), tag))
            });
            for (due, tag) in due_and_media {
                // Its pace, and the word to stop.
                if stopped.recv_timeout(due.saturating_sub(began.elapsed())).is_ok() {
                    return wire.finish().expect("the server takes it");
                }
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let type_id = if tag.kind == Kind::Video { TypeId::VIDEO } else { TypeId::AUDIO };
                wire.script.peer_mut().send_media(stream, type_id, random, tag.body.clone().into());
                wire.flush().expect("the server takes it");
            }
            unreachable!("a film that begins anew has no end");
        });
        Self { stop, publishing }
    }

    fn stop(self) {
        self.stop.send(()).expect("it still publishes");
        self.publishing.join().expect("it publishes until it is stopped");
    }
}

/// What a camera films, as fast as it can.
fn filmed() -> Vec<Tag> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]);
    command.args(["-f", "lavfi", "-i", &format!("testsrc2=size={SMALL}:rate=25")]);
    command.args(["-f", "lavfi", "-i", "sine", "-t", &FILM_SECONDS.to_string()]);
    command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"]);
    command.args(["-threads", "1", "-c:a", "aac", "-f", "flv", "pipe:1"]);
    let mut program = Program::start(&mut command, "ffmpeg");
    assert_eq!(program.finish(), ENDED_WELL);
    flv::tags(&program.stdout())
}

/// A folder for the files of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("sol-returning-{}-{name}", std::process::id())))
    }

    /// What was published in a recording, as a file.
    fn extract(&self, stem: &str) -> PathBuf {
        let recording = captures::directory().join(format!("{stem}.pcap"));
        let path = |path: &Path| path.to_str().expect("the path is UTF-8").to_owned();
        let mut replay = Sol::run(&["replay", "--extract", &path(&self.0), &path(&recording)]);
        assert_eq!(replay.finish(), ENDED_WELL, "{}", replay.stderr());
        let files = fs::read_dir(&self.0).unwrap_or_else(|error| panic!("{}: {error}", self.0.display()));
        let mut paths = files.map(|file| file.expect("the folder can be read").path());
        paths.find(|path| path.to_string_lossy().contains(stem)).expect("a stream was published")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What FFmpeg's decoder says, by itself and within mpv, VLC and GStreamer.
const BROKEN_PICTURE: &str = "error while decoding MB";

const SMALL: &str = "160x120";
const LARGE: &str = "320x240";

/// When players have begun for good: VLC tells of whole seconds.
const BEGUN_MS: u64 = 1_000;

/// So much of what came may not have been told of.
const ON_ITS_WAY_MS: u64 = 1_000;

/// So far behind the splice, at least, everybody is watched.
const BEYOND_MS: u64 = 1_000;

const ASKED_EVERY_MS: u64 = 200;

/// Two and a half pictures: sounds do not begin with their picture.
const STEP_MS: u64 = 100;

/// A picture is shown up to 166 ms after it is sent, a keyframe after 66.
const OBS_REORDERS: Duration = Duration::from_millis(100);

/// It is shown again and again.
const FILM_SECONDS: u32 = 20;
