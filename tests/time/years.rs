//! Years: a publisher that never stops, and its players.
//!
//! Its clock passes 2³² ms every 49.7 days. The stream's own time lasts 24.8 days; then players are sent away, join anew, and find
//! it begun anew.

use std::time::Duration;

use sol_core::hub::Corrections;
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::session::CloseReason;
use sol_tests::peer::message::MediaReceived;
use sol_tests::peer::pattern::{MediaRole, MediaSent};
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

use crate::camera::{EVEN, without_pings};

/// The publisher is within the process: a connection that publishes looks after itself once a second, and 63 million seconds are
/// too many for a test.
#[test]
fn in_two_years_nobody_sees_a_timestamp_with_another_sign_and_nothing_is_corrected() {
    let mut world = World::with_loops(seed(1), 3, without_pings());
    world.set_link(EVEN);
    let mut players: Vec<_> = (0..3).map(|_| Watch::begin(&mut world, 0)).collect();
    world.run_for(ms(500));
    let began = world.now();
    let camera = world.publish_within("live/cam", all_that_it_sends()).expect("the name is free");
    let mut left = Vec::new();
    for number in (1..).take_while(|&number| due(number) < TWO_YEARS) {
        world.run_until(began + due(number) - ms(1_000));
        let (gone, mut staying): (Vec<_>, Vec<_>) =
            players.into_iter().partition(|watch: &Watch| watch.player.closed().is_some());
        // Whoever is sent away is back at once.
        staying.extend(gone.iter().map(|_| Watch::begin(&mut world, number - 1)));
        left.extend(gone);
        if number.is_multiple_of(JOIN_EVERY) {
            staying.push(Watch::begin(&mut world, number - 1));
            world.run_for(ms(500));
            let bored = staying.remove(0);
            world.hang_up(&bored.player);
            left.push(bored);
        }
        players = staying;
    }
    world.run_for(ms(500));

    let all: Vec<_> = left.iter().chain(&players).map(|watch| (watch, watch.check())).collect();
    let mut sent_away = 0;
    for (Watch { player, .. }, seen) in &all {
        assert!(seen.last_ms < SIGN_MS, "{seen:?}");
        if player.closed() == Some(CloseReason::TimelineFull) {
            sent_away += 1;
            assert_eq!(player.endings()[0].0, EndReason::TimelineFull);
            assert_eq!(player.notices().first().map(String::as_str), Some("NetStream.Play.UnpublishNotify"));
            let full_ms = limits::TIMELINE_TIME.as_millis() as u32;
            assert!((full_ms..full_ms + SHORT_STEP.as_millis() as u32).contains(&seen.last_ms), "{seen:?}");
            // Whoever comes next begins with the very next picture, at 0.
            let (_, next) = all.iter().find(|(_, next)| next.first == seen.last + 1).expect("it is back");
            assert_eq!(next.first_ms, 0);
        }
    }
    let times_full = TWO_YEARS.as_millis() / PERIOD.as_millis();
    assert_eq!((sent_away, times_full), (3 * times_full, 29));
    assert_eq!(camera.corrections(), Corrections::NONE);
}

/// A player and the number of the newest picture when it came.
struct Watch {
    player: Client<Player>,
    from: u32,
}

/// Which pictures a player saw, and when by its stream.
#[derive(Debug)]
struct Seen {
    first: u32,
    last: u32,
    first_ms: u32,
    last_ms: u32,
}

impl Watch {
    fn begin(world: &mut World, from: u32) -> Watch {
        Watch { player: world.player("live/cam"), from }
    }

    /// All that it got is in order and at its time.
    fn check(&self) -> Seen {
        let media = self.player.media();
        let ([begin, ..], [.., end]) = (&media[..], &media[..]) else { panic!("it got nothing") };
        let seen = Seen {
            first: number_of(begin),
            last: number_of(end),
            first_ms: begin.timestamp_ms,
            last_ms: end.timestamp_ms,
        };
        assert_eq!(seen.first, self.from, "it begins at the newest picture");
        for (index, media) in media.iter().enumerate() {
            let later = index as u32 / 2;
            let (kind, beside) = if index % 2 == 0 { (PICTURE, ms(0)) } else { (SOUND, SOUND_LATER) };
            assert_eq!(media.payload, payload(kind, seen.first + later));
            let since_ms = media.timestamp_ms.wrapping_sub(seen.first_ms);
            let since = due(seen.first + later) + beside - due(seen.first);
            assert_eq!(u128::from(since_ms), since.as_millis(), "{seen:?}");
        }
        seen
    }
}

/// When a picture is due: each twenty hours, and each fifty minutes when the stream's time is nearly used up, so that it is found
/// to be before its sign changes.
fn due(number: u32) -> Duration {
    let (period, within) = (number / PICTURES_A_PERIOD, number % PICTURES_A_PERIOD);
    PERIOD * period + LONG_STEP * within.min(LONG_STEPS) + SHORT_STEP * within.saturating_sub(LONG_STEPS)
}

/// A picture and a sound each step, by a clock that has come a long way already: it is at no border when the stream begins anew.
fn all_that_it_sends() -> impl Iterator<Item = MediaSent> {
    const START_MS: u64 = 3_000_000_000;
    (0..).flat_map(|number| {
        let at = due(number);
        [(MediaRole::Keyframe, PICTURE, at), (MediaRole::AudioFrame, SOUND, at + SOUND_LATER)].map(
            |(role, kind, due)| MediaSent {
                role,
                sequence: number.into(),
                type_id: role.type_id(),
                // It wraps.
                timestamp_ms: (START_MS + due.as_millis() as u64) as u32,
                payload: payload(kind, number),
                due,
            },
        )
    })
}

fn payload(kind: &[u8], number: u32) -> bytes::Bytes {
    [kind, &number.to_be_bytes()].concat().into()
}

fn number_of(media: &MediaReceived) -> u32 {
    u32::from_be_bytes(*media.payload.last_chunk().expect("its number is at the end"))
}

/// A keyframe of Sorenson H.263, which needs no configuration.
const PICTURE: &[u8] = &[0x12, 1, 2, 3, 4];

/// MP3.
const SOUND: &[u8] = &[0x2F, 1, 2];

/// Shorter than what a publisher may be silent for and still have a clock that is believed.
const LONG_STEP: Duration = Duration::from_secs(20 * 3_600);

const LONG_STEPS: u32 = 29;

/// Shorter than what the stream's time leaves in front of 2³¹ ms.
const SHORT_STEP: Duration = Duration::from_secs(50 * 60);

/// At the last but one of them the stream's time is used up, so the last begins it anew.
const PICTURES_A_PERIOD: u32 = LONG_STEPS + 20;

const PERIOD: Duration =
    Duration::from_secs(LONG_STEP.as_secs() * LONG_STEPS as u64 + 20 * SHORT_STEP.as_secs());

const SOUND_LATER: Duration = ms(20);

/// So many pictures after the last somebody else joins, and another one leaves.
const JOIN_EVERY: u32 = 23;

const TWO_YEARS: Duration = Duration::from_secs(731 * 86_400);

const SIGN_MS: u32 = 1 << 31;
