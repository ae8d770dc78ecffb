//! Servers: one, and several that share their streams, with whatever clients, transports, applications and clocks can do.

use std::sync::Arc;
use std::time::Duration;

use sol_core::hub::{AfterGrace, Coalesce, Join, Pause, Repair, StreamConfig, Takeover};
use sol_core::limits;
use sol_core::load::Load;
use sol_core::media::{Form, TrackId};
use sol_core::server::ServerConfig;
use sol_core::session::{PeerEnd, Refusal};

use super::choices::Choices;
use super::scene::{Rules, Scene};
use super::sessions;

/// A server that is alone.
pub(super) fn server(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    play(1, &mut choices);
}

/// Two or three of them.
pub(super) fn loops(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let loops = choices.pick(&[2, 3]);
    play(loops, &mut choices);
}

fn play(loops: u32, choices: &mut Choices<'_>) {
    let how = choices.byte();
    let stream = stream(choices);
    let rules = Rules {
        repairs: stream.repair != Repair::Off,
        allows_at_once: how & 1 == 0,
        passes_at_once: how & 2 == 0,
        delivers_at_once: stream.coalesce == Coalesce::NONE,
        tape_bytes_max: stream.tape_bytes.min(limits::TAPE_BYTES),
        connections_max: if how & 4 == 0 { limits::CONNECTIONS } else { 3 },
    };
    let config = ServerConfig {
        session: sessions::config(choices),
        stream: Arc::new(stream).into(),
        connections_max: rules.connections_max,
        ..ServerConfig::default()
    };
    let mut scene = Scene::new(&config, loops, rules);
    let mut crowds = 1;
    while !choices.are_over() {
        step(&mut scene, &mut crowds, choices);
    }
    scene.close();
}

fn step(scene: &mut Scene, crowds: &mut u32, choices: &mut Choices<'_>) {
    // Two numbers in one byte: what happens, and to whom.
    let what = choices.byte();
    let who = usize::from(what >> 5);
    let what = what & 0x1F;
    let Some(client) = (match scene.clients().len() {
        0 => None,
        _ if who == 7 => Some(0),
        // Among those that came last.
        count => Some(count - 1 - who.min(count - 1)),
    }) else {
        match scene.open(who) {
            Some(client) if what & 1 == 1 => begin(scene, client, choices),
            Some(_) | None => {}
        }
        return;
    };
    match what {
        0..=13 => {
            let said = scene.clients()[client].speaker.client_says(choices);
            scene.hear(client, &said);
        }
        14 => drop(scene.open(who)),
        15 | 16 => {
            if let Some(client) = scene.open(who) {
                begin(scene, client, choices);
            }
        }
        17 => {
            // Enough for their frames to be bundled.
            if *crowds > 0 {
                *crowds -= 1;
                for index in 0..18 {
                    let Some(client) = scene.open(if who == 0 { 0 } else { index }) else { break };
                    let said =
                        scene.clients()[client].speaker.whole_beginning("play", &mut Choices::new(&[]));
                    scene.hear(client, &said);
                }
            }
        }
        18 | 19 => scene.allow(client),
        20 => {
            let why = choices.pick(&[0, 1]);
            scene.refuse(client, &[Refusal::NotFound, Refusal::Denied("No.".into())][why]);
        }
        21 => scene.answer_wrongly(client, choices.byte().into()),
        22 => scene.set_room(client, choices.pick(&[Some(0), Some(1), Some(1_000), Some(20_000)])),
        23 => scene.set_room(client, choices.pick(&[None, Some(100), Some(70_000)])),
        24 => scene.end(client, choices.pick(&[PeerEnd::Finished, PeerEnd::Reset, PeerEnd::Lost])),
        25 | 26 => {
            let how = choices.byte();
            let millis = [40, 1, 100, 350, 1_000, 5_000, 15_000, 70_000][usize::from(how & 7)];
            scene.wait(Duration::from_millis(millis), how & 0x10 != 0);
        }
        27 => scene.wait_for_deadline(),
        28 => scene.set_load(Load::of(f64::from(choices.byte()) / 255.0)),
        29 | 30 => scene.deliver(who, choices.pick(&[1, 2, 1_000])),
        _ => {
            if choices.byte() == 7 {
                scene.shut_down(who);
            }
        }
    }
}

/// A client publishes or plays from its first bytes on.
fn begin(scene: &mut Scene, client: usize, choices: &mut Choices<'_>) {
    let verb = choices.pick(&["publish", "play"]);
    let said = scene.clients()[client].speaker.whole_beginning(verb, choices);
    scene.hear(client, &said);
}

/// What an operator can want of streams, sensible or not.
fn stream(choices: &mut Choices<'_>) -> StreamConfig {
    let how = choices.byte();
    let standard = StreamConfig { coalesce: Coalesce::NONE, ..StreamConfig::default() };
    if how & 1 == 0 {
        return standard;
    }
    let time = |choice: usize| {
        [Duration::from_secs(10), Duration::ZERO, Duration::from_millis(500), Duration::MAX][choice]
    };
    StreamConfig {
        waiting: time(choices.below(4)),
        grace: time(choices.below(4)),
        takeover: choices.pick(&[
            Takeover::Refuse,
            Takeover::Silent,
            Takeover::Credential,
            Takeover::Replace,
        ]),
        give_back: how & 32 == 0,
        after_grace: if how & 16 == 0 { AfterGrace::End } else { AfterGrace::Wait },
        repair: [Repair::Resync, Repair::Monotonic, Repair::Off, Repair::Resync][usize::from(how >> 1 & 3)],
        pause: if how & 8 == 0 { Pause::Cut } else { Pause::Real },
        join: choices.pick(&[Join::Keyframe, Join::Instant, Join::Live]),
        default_form: match how >> 6 {
            1 => Form::OneTrack(TrackId::DEFAULT),
            2 => Form::Legacy(TrackId::DEFAULT),
            _ => Form::Full,
        },
        coalesce: choices.pick(&[
            Coalesce::NONE,
            Coalesce::Fixed(Duration::from_millis(100)),
            Coalesce::AUTO,
            Coalesce::Fixed(Duration::MAX),
        ]),
        lag_max: time(choices.below(4)),
        lag_bytes_max: choices.pick(&[16 * 1024 * 1024, 0, 1_000, 100_000]),
        gap_max: time(choices.below(4)),
        patience: choices.pick(&[3, 0, 1, u32::MAX]),
        tape_time: time(choices.below(4)),
        tape_bytes: choices.pick(&[limits::TAPE_BYTES, 0, 1_000, 100_000]),
    }
}
