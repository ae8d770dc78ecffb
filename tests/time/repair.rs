//! Repair: what is done about timestamps that make no sense, in each mode, and what is told of it.
//!
//! Each fault is a fault of the publisher's clock: its media come in time. So where a mode mends a fault without a trace, each
//! frame is at the time at which it was due, and what its log line says is all that remains.

use std::collections::BTreeMap;

use sol_core::hub::{Corrections, Repair, StreamConfig};
use sol_core::server::ServerConfig;
use sol_tests::peer::Peer;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaSent, Pattern};
use sol_tests::world::{Client, World, ms, seed};

use crate::camera::{EVEN, camera, due_ms, frames_of, media, send, with_streams};

#[test]
fn each_fault_is_mended_and_counted_as_its_mode_says() {
    let mut failures = Vec::new();
    for fault in &FAULTS {
        for (repair, expected, counted) in [
            (Repair::Off, &fault.off),
            (Repair::Monotonic, &fault.monotonic),
            (Repair::Resync, &fault.resync),
        ]
        .map(|(repair, (expected, counted))| (repair, expected, *counted))
        {
            let sent = fault.sent(1);
            let (played, corrections) = on_one_loop(repair, &sent);
            let what = format!("{}, {repair:?}", fault.name);
            if corrections.to_string() != counted {
                failures.push(format!("{what}: {corrections}, not {counted}"));
            }
            if let Err(error) = expected.check(&sent, &played) {
                failures.push(format!("{what}: {error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_publisher_on_another_loop_than_its_stream_is_mended_alike_and_told_so() {
    let mut failures = Vec::new();
    for fault in FAULTS.iter().filter(|fault| !matches!(fault.resync.0, Expected::Anything)) {
        let mut world = World::with_loops(seed(1), 2, ServerConfig::default());
        world.set_link(EVEN);
        let viewers = [0, 1].map(|index| world.next_at(index).player("live/cam"));
        let first = camera(world.next_at(0));
        send(&mut world, &first, &media(Pattern::new().marked(1), 1_000, due_ms));
        world.cut(&first);
        let second = camera(world.next_at(1));
        let sent = fault.sent(2);
        send(&mut world, &second, &sent);
        let told = corrections_of(&mut world, &second);

        for viewer in viewers {
            let played: Vec<_> =
                viewer.media().into_iter().filter(|media| mark_of(media) == Some(2)).collect();
            if let Err(error) = fault.resync.0.check(&sent, &played) {
                failures.push(format!("{}: {error}", fault.name));
            }
        }
        let (_, all) = on_one_loop(Repair::Resync, &sent);
        // The first at once, and then whenever there are twice as many.
        let is_told = told.total() <= all.total() && all.total() < 2 * told.total().max(1);
        if !is_told || (all.total() == 1 && told != all) {
            failures.push(format!("{}: told of {told}, and there were {all}", fault.name));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn what_a_publisher_that_returned_sent_in_front_of_its_first_keyframe_is_counted_in_every_mode() {
    for repair in [Repair::Off, Repair::Monotonic, Repair::Resync] {
        let mut world = world_with(repair);
        let (first, viewer) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        send(&mut world, &first, &media(Pattern::new(), 1_000, due_ms));
        world.cut(&first);
        let second = camera(&mut world);
        let sent = media(Pattern::new(), 4_000, due_ms);
        let sent: Vec<_> =
            sent.into_iter().filter(|media| !media.is_keyframe() || media.due > ms(0)).collect();
        let lost = sent.iter().take_while(|media| !media.is_keyframe()).filter(|media| media.role.is_frame());
        let lost = lost.count();
        assert!(lost > 100, "{lost}");
        send(&mut world, &second, &sent);
        assert_eq!(corrections_of(&mut world, &second).to_string(), format!("before-picture {lost}"));
        let came = frames_of(&viewer.media());
        let begin = came.iter().rposition(|&(_, at_ms)| at_ms <= 1_000).map(|last| came[last + 1]);
        assert_eq!(
            begin.map(|(sequence, _)| sequence),
            sent.iter().find(|media| media.is_keyframe()).map(|media| media.sequence)
        );
    }
}

/// One thing that a publisher's clock does, and what comes of it.
struct Fault {
    name: &'static str,
    /// What the publisher says of a message.
    clock: fn(&MediaSent) -> u32,
    off: (Expected, &'static str),
    monotonic: (Expected, &'static str),
    resync: (Expected, &'static str),
}

impl Fault {
    fn sent(&self, mark: u32) -> Vec<MediaSent> {
        media(Pattern::new().marked(mark), LENGTH_MS, self.clock)
    }
}

/// The times of frames on the stream.
#[derive(Clone, Copy)]
enum Expected {
    /// As if the clock had been right.
    Due,
    /// As the publisher says, counted from its first frame; nothing is before that.
    Said,
    /// The same, but for what would take a track back: it stands still.
    SaidNeverBack,
    /// No track goes back, and none is further from when it was due than so many milliseconds.
    Near(u32),
    /// No track goes back.
    NeverBack,
    /// Perhaps nothing: a player that is hours behind all at once is given up.
    Anything,
}

impl Expected {
    fn check(self, sent: &[MediaSent], played: &[MediaReceived]) -> Result<(), String> {
        let frames: Vec<_> = sent.iter().filter(|media| media.role.is_frame()).collect();
        let times = frames_of(played);
        if let Some((sequence, at_ms)) = times.iter().find(|(_, at_ms)| *at_ms > i32::MAX as u32) {
            return Err(format!("frame {sequence} at {at_ms}"));
        }
        if matches!(self, Expected::Anything) {
            return Ok(());
        }
        if times.len() != frames.len() {
            return Err(format!("{} of {} frames came", times.len(), frames.len()));
        }
        let (base_ms, said_first_ms) = (times[0].1, frames[0].timestamp_ms);
        let mut latest = BTreeMap::<TypeId, u32>::new();
        for (media, (sequence, at_ms)) in frames.into_iter().zip(times) {
            assert_eq!(media.sequence, sequence, "all of them, in order");
            let at_ms = at_ms - base_ms;
            let due_ms = due_ms(media);
            let said_ms = media.timestamp_ms.wrapping_sub(said_first_ms).cast_signed().max(0).cast_unsigned();
            let latest = latest.entry(media.type_id).or_default();
            let is_right = match self {
                Expected::Due => at_ms == due_ms,
                Expected::Said => at_ms == said_ms,
                Expected::SaidNeverBack => at_ms == said_ms.max(*latest),
                Expected::Near(most) => at_ms >= *latest && at_ms.abs_diff(due_ms) <= most,
                Expected::NeverBack | Expected::Anything => at_ms >= *latest,
            };
            if !is_right {
                return Err(format!(
                    "frame {sequence} ({:?}) at {at_ms}, due at {due_ms}, said {said_ms}",
                    media.role
                ));
            }
            *latest = (*latest).max(at_ms);
        }
        Ok(())
    }
}

/// What a player gets that is there before the publisher, and what the publisher's log line says.
fn on_one_loop(repair: Repair, sent: &[MediaSent]) -> (Vec<MediaReceived>, Corrections) {
    let mut world = world_with(repair);
    let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
    world.run_for(ms(500));
    send(&mut world, &camera, sent);
    let corrections = corrections_of(&mut world, &camera);
    (viewer.media(), corrections)
}

/// A world of one loop: of what is at home on another one, not all is told.
fn world_with(repair: Repair) -> World {
    let config = with_streams(StreamConfig { repair, ..StreamConfig::default() });
    let mut world = World::with_loops(seed(1), 1, config);
    world.set_link(EVEN);
    world
}

fn mark_of(media: &MediaReceived) -> Option<u32> {
    FrameText::read(media.type_id, &media.payload).map(|text| text.mark)
}

fn corrections_of(world: &mut World, camera: &Client<Peer>) -> Corrections {
    world.hang_up(camera);
    world.run_for(ms(500));
    camera.endings()[0].1.corrections
}

/// At this time of ten seconds the clock goes wrong, where it does so once: a picture is due then.
const WRONG_FROM_MS: u32 = 5_000;

const LENGTH_MS: u64 = 10_000;

const HOUR_MS: u32 = 3_600_000;

fn is_wrong(media: &MediaSent) -> bool {
    due_ms(media) >= WRONG_FROM_MS
}

fn is_picture(media: &MediaSent) -> bool {
    media.type_id == TypeId::VIDEO
}

const FAULTS: [Fault; 14] = [
    Fault {
        name: "none at all, across 2^32",
        clock: |media| due_ms(media).wrapping_sub(WRONG_FROM_MS),
        off: (Expected::Due, ""),
        monotonic: (Expected::Due, ""),
        resync: (Expected::Due, ""),
    },
    Fault {
        name: "disorder: each tenth picture is two pictures early",
        clock: |media| {
            let early = is_picture(media) && due_ms(media) % 400 == 200;
            if early { due_ms(media) - 80 } else { due_ms(media) }
        },
        off: (Expected::Said, ""),
        monotonic: (Expected::SaidNeverBack, "disorder 25"),
        resync: (Expected::SaidNeverBack, "disorder 25"),
    },
    Fault {
        name: "standstill: the clock of the pictures stops",
        clock: |media| if is_picture(media) && is_wrong(media) { WRONG_FROM_MS } else { due_ms(media) },
        off: (Expected::Said, ""),
        monotonic: (Expected::Near(520), "standstill 112"),
        resync: (Expected::Near(520), "standstill 112"),
    },
    Fault {
        name: "standstill: a clock that never runs",
        clock: |_| 0,
        off: (Expected::Said, ""),
        monotonic: (Expected::Near(550), "standstill 409"),
        resync: (Expected::Near(550), "standstill 409"),
    },
    Fault {
        name: "restart at zero",
        clock: |media| if is_wrong(media) { due_ms(media) - WRONG_FROM_MS } else { due_ms(media) + HOUR_MS },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "restart 1"),
        resync: (Expected::Due, "restart 1"),
    },
    Fault {
        name: "step back to another place",
        clock: |media| if is_wrong(media) { due_ms(media) + 60_000 } else { due_ms(media) + HOUR_MS },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "step-back 1"),
        resync: (Expected::Due, "step-back 1"),
    },
    Fault {
        name: "leap of an hour",
        clock: |media| if is_wrong(media) { due_ms(media) + HOUR_MS } else { due_ms(media) },
        off: (Expected::Said, ""),
        monotonic: (Expected::Said, ""),
        resync: (Expected::Due, "leap 1"),
    },
    Fault {
        name: "leap of two days",
        clock: |media| if is_wrong(media) { due_ms(media) + 48 * HOUR_MS } else { due_ms(media) },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "leap 1"),
        resync: (Expected::Due, "leap 1"),
    },
    Fault {
        name: "one wild stamp",
        clock: |media| due_ms(media) + if due_ms(media) == WRONG_FROM_MS { 400 * HOUR_MS } else { 0 },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "leap 1"),
        resync: (Expected::Due, "leap 1"),
    },
    Fault {
        name: "one stamp back at zero",
        clock: |media| if due_ms(media) == WRONG_FROM_MS { 0 } else { due_ms(media) + HOUR_MS },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "restart 1"),
        resync: (Expected::Due, "restart 1"),
    },
    Fault {
        name: "sound at five hours, pictures at zero",
        clock: |media| due_ms(media) + if is_picture(media) { 0 } else { 5 * HOUR_MS },
        off: (Expected::Said, ""),
        monotonic: (Expected::Due, "other-clock 1"),
        resync: (Expected::Due, "other-clock 1"),
    },
    Fault {
        name: "pictures at 2^31, sound at zero",
        clock: |media| due_ms(media) + if is_picture(media) { 1 << 31 } else { 0 },
        off: (Expected::NeverBack, ""),
        monotonic: (Expected::Due, "other-clock 1"),
        resync: (Expected::Due, "other-clock 1"),
    },
    Fault {
        name: "microseconds",
        clock: |media| due_ms(media) * 1_000,
        off: (Expected::Said, ""),
        monotonic: (Expected::Said, ""),
        resync: (Expected::Near(1_000), "leap 5, microseconds 1"),
    },
    Fault {
        name: "random",
        clock: |media| {
            (media.sequence as u32).wrapping_mul(0x9E37_79B1).rotate_left(13).wrapping_mul(0x85EB_CA77)
        },
        off: (Expected::Anything, ""),
        monotonic: (Expected::NeverBack, "step-back 290, leap 389, other-clock 1"),
        resync: (Expected::Near(3_000), "step-back 290, leap 389, other-clock 1"),
    },
];
