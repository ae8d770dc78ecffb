//! What befalls the server and its loops, and what is too dear to happen in every world.

use crate::simulation::actor::{Errand, Manner};
use crate::simulation::bidding::Showing;
use crate::simulation::director::{Director, FAR, HELD};
use crate::simulation::film::{AudioCodec, Film, Leaps, Video, VideoCodec};
use crate::simulation::setting::{Rarity, Way, roll_load};
use crate::world::{LinkOptions, Segments, ms};

/// Late in a world, and only in few.
pub(super) fn shuts_down(director: &mut Director) -> bool {
    if director.world.now() < ms(35_000) || director.is_shut_down || !director.dice.one_in(3) {
        return false;
    }
    director.count("shutdown");
    director.shuts_down();
    true
}

pub(super) fn is_as_busy_as_that(director: &mut Director) -> bool {
    let load = roll_load(&mut director.dice);
    director.count("load-changes");
    director.tell(|| format!("the server is busy: {load:?}"));
    director.world.set_load(load);
    true
}

/// Nothing that others pass to a loop comes there for a while.
pub(super) fn holds_a_loop_back(director: &mut Director) -> bool {
    if director.setting.loops == 1 || !director.setting.has_bursts {
        return false;
    }
    let (index, time) =
        (director.dice.up_to(director.setting.loops) - 1, ms(director.dice.up_to(4_000) as u64));
    director.count("loop-held-back");
    director.tell(|| format!("loop {index} is held back for {time:?}"));
    director.world.hold_back(index);
    director.after(time, move |director| director.world.let_through(index));
    true
}

/// What happens in few worlds.
pub(in crate::simulation) fn plan_rarity(director: &mut Director) {
    let at = ms(5_000 + director.dice.up_to(10_000) as u64);
    match director.setting.rarity {
        None => {}
        Some(Rarity::TooManyStreams) => director.at(at, wants_too_many_streams),
        Some(Rarity::TimeUsedUp) => director.at(ms(500), uses_its_time_up),
        Some(Rarity::CrossingOverflows) => director.at(at, fills_a_crossing),
    }
}

/// Every name that there is room for is waited for; publishers find room all the same.
fn wants_too_many_streams(director: &mut Director) {
    director.count("too-many-streams");
    director.tell(|| "many wait for ten thousand names".to_owned());
    let per_client = sol_core::limits::NET_STREAMS;
    for client in 0..=sol_core::limits::STREAMS / per_client {
        let Some(member) = comes(director, "many", NEAR) else { return };
        director.members[member].is_spared = true;
        director.members[member].client.with(|actor| {
            for number in 0..per_client {
                actor.does(Errand::Play { name: format!("many/{client}-{number}") });
            }
        });
    }
    director.after(ms(1_500), |director| {
        for _ in 0..3 {
            let Some(member) = comes(director, "many", NEAR) else { return };
            director.members[member].client.with(|actor| {
                actor.does(Errand::Play { name: format!("many/more{member}") });
            });
        }
        director.publisher_comes(0, false);
        // They have seen enough.
        director.after(ms(4_000), |director| {
            for index in 0..director.members.len() {
                if director.members[index].is_spared {
                    director.members[index].is_served = false;
                    director.world.hang_up(&director.members[index].client);
                }
            }
        });
    });
}

/// A clock that leaps from frame to frame comes to the end of 24 days; players come before that.
fn uses_its_time_up(director: &mut Director) {
    let each_ms = 9_900;
    let seconds_left = 12 + director.dice.up_to(20) as u32;
    let limit_ms = sol_core::limits::TIMELINE_TIME.as_millis() as u32;
    let name = director.name_index(FAR);
    let film = director.setting.names[name].film_of(VideoCodec::Avc, AudioCodec::Mp3);
    let leaps = Some(Leaps { count: (limit_ms - seconds_left * 1_000) / each_ms, each_ms });
    let film = Film { leaps, ..film };
    let Some(member) = comes(director, "live", NEAR) else { return };
    director.members[member].is_spared = true;
    director.count("time-used-up");
    director.tell_of(member, "publishes what is nearly 24 days old");
    let publish = Errand::Publish { name: FAR.to_owned(), showing: Showing::NOTHING, film: Box::new(film) };
    director.members[member].client.with(|actor| actor.does(publish));
    for _ in 0..6 {
        let at = ms(3_000 + director.dice.up_to(40_000) as u64);
        director.at(at, move |director| {
            if let Some(member) = director.plays(name, Way::Near) {
                // Its time runs at another pace than others'.
                director.disturbs(member);
                director.members[member].is_spared = true;
            }
        });
    }
}

/// A driver goes on reading behind a request that is never answered.
pub(super) fn reads_regardless(director: &mut Director) -> bool {
    let buffer = 4 << 20;
    let link = LinkOptions {
        segments: Segments::Bytes(1 << 20),
        send_buffer_bytes: buffer,
        receive_buffer_bytes: buffer,
        ..NEAR
    };
    // Where it names no app, it can play something before that.
    let plays = director.dice.one_in(2);
    let app = if plays { "" } else { HELD.trim_end_matches('/') };
    let Some(member) = comes(director, app, link) else { return false };
    director.count("driver-reads-regardless");
    director.tell_of(member, "is read from whether that is wanted or not");
    director.members[member].is_spared = true;
    director.members[member].is_served = false;
    director.world.read_regardless(&director.members[member].client);
    if plays {
        let name = director.any_name_for(member);
        director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    }
    director.after(ms(2_000), move |director| {
        let name = format!("{HELD}cam");
        director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    });
    director.after(ms(2_500), move |director| {
        let bytes = vec![0; sol_core::limits::HELD_INPUT_BYTES + 1_000];
        director.members[member].client.with(|actor| actor.peer_mut().send_raw_bytes(&bytes));
    });
    true
}

/// Some megabytes a second, while a loop is slow.
fn fills_a_crossing(director: &mut Director) {
    let mut film = director.setting.names[0].film_of(VideoCodec::Avc, AudioCodec::Aac);
    film.video = Some(Video {
        codec: VideoCodec::Avc,
        frame_ms: 100,
        group: 8,
        keyframe_bytes: 1_500_000,
        frame_bytes: 250_000,
    });
    let link = LinkOptions { send_buffer_bytes: 4 << 20, receive_buffer_bytes: 4 << 20, ..NEAR };
    let name = "live/large".to_owned();
    let Some(publisher) = comes(director, "live", link) else { return };
    director.members[publisher].is_spared = true;
    director.count("crossing-overflows");
    director.tell_of(publisher, "publishes megabytes a second");
    let publish = Errand::Publish { name: name.clone(), showing: Showing::NOTHING, film: Box::new(film) };
    director.members[publisher].client.with(|actor| actor.does(publish));
    for index in 0..director.setting.loops {
        director.world.next_at(index);
        if let Some(member) = comes(director, "live", link) {
            director.members[member].is_spared = true;
            director.members[member].client.with(|actor| actor.does(Errand::Play { name: name.clone() }));
        }
    }
    let slow = director.dice.up_to(director.setting.loops) - 1;
    director.after(ms(1_000), move |director| director.world.hold_back(slow));
    let time = ms(2_000 + director.dice.up_to(1_500) as u64);
    director.after(time, move |director| director.world.let_through(slow));
    director.after(time + ms(2_000), move |director| {
        director.members[publisher].client.with(|actor| {
            for stream in actor.publishing() {
                actor.finishes(stream, true);
            }
        });
    });
}

fn comes(director: &mut Director, app: &str, link: LinkOptions) -> Option<usize> {
    let manner = Manner { delay_max: None, ..director.manner(Way::Near, 0) };
    director.member_of_app(app, link, manner)
}

const NEAR: LinkOptions = LinkOptions {
    latency: ms(2),
    bytes_per_second: u64::MAX,
    segments: Segments::Bytes(64 * 1024),
    send_buffer_bytes: 64 * 1024,
    receive_buffer_bytes: 64 * 1024,
};
