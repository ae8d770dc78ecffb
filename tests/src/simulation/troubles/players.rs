//! What befalls players, and what they do.

use crate::peer::amf::Amf;
use crate::peer::message::{StreamId, TypeId};
use crate::simulation::actor::{Actor, AtTheEnd, Errand, Manner};
use crate::simulation::bidding::Showing;
use crate::simulation::director::Director;
use crate::simulation::publication::{AUDIO, VIDEO};
use crate::simulation::setting::Way;
use crate::world::{LinkOptions, Segments, ms};

pub(super) fn is_cut(director: &mut Director) -> bool {
    goes(director, "player-cut", |director, member| director.world.cut(&director.members[member].client))
}

pub(super) fn is_half_open(director: &mut Director) -> bool {
    goes(director, "player-half-open", |director, member| {
        director.world.unplug(&director.members[member].client);
    })
}

pub(super) fn is_lost(director: &mut Director) -> bool {
    goes(director, "player-lost", |director, member| director.world.lose(&director.members[member].client))
}

pub(super) fn hangs_up(director: &mut Director) -> bool {
    goes(director, "player-hangs-up", |director, member| {
        director.world.hang_up(&director.members[member].client);
    })
}

pub(super) fn says_close(director: &mut Director) -> bool {
    goes(director, "player-says-close", |director, member| {
        director.members[member].client.with(Actor::says_close);
    })
}

pub(super) fn stalls_for_good(director: &mut Director) -> bool {
    goes(director, "player-stalls-for-good", |director, member| {
        director.world.stall(&director.members[member].client);
    })
}

/// Reads nothing for a while.
pub(super) fn stalls(director: &mut Director) -> bool {
    let Some((member, _)) = director.any_player() else { return false };
    let time = ms(2_000 + director.dice.up_to(22_000) as u64);
    is_troubled(director, "player-stalls", member, &format!("reads nothing for {time:?}"));
    director.watch_lag(member);
    director.world.stall(&director.members[member].client);
    director.after(time, move |director| director.world.resume(&director.members[member].client));
    true
}

pub(super) fn loses_its_link_for_a_while(director: &mut Director) -> bool {
    let Some((member, _)) = director.any_player() else { return false };
    let time = ms(300 + director.dice.up_to(7_000) as u64);
    is_troubled(director, "downlink-stalls", member, &format!("has no link for {time:?}"));
    director.watch_lag(member);
    director.world.unplug(&director.members[member].client);
    director.after(time, move |director| director.world.plug_in(&director.members[member].client));
    true
}

/// Its link carries less than the stream has, for a while.
pub(super) fn is_slow(director: &mut Director) -> bool {
    let Some((member, _)) = director.any_player() else { return false };
    let (speed, time) =
        (300 + director.dice.up_to(9_000) as u64, ms(5_000 + director.dice.up_to(25_000) as u64));
    is_troubled(director, "downlink-slow", member, &format!("has a downlink of {speed} B/s for {time:?}"));
    director.watch_lag(member);
    director.world.set_speed(&director.members[member].client, speed);
    director
        .after(time, move |director| director.world.set_speed(&director.members[member].client, u64::MAX));
    true
}

pub(super) fn is_too_slow(director: &mut Director) -> bool {
    let Some((member, _)) = director.any_player() else { return false };
    let speed = 200 + director.dice.up_to(3_000) as u64;
    is_troubled(
        director,
        "downlink-too-slow",
        member,
        &format!("has a downlink of {speed} B/s from here on"),
    );
    director.watch_lag(member);
    // What is on its way to it comes long after the world has ended.
    director.members[member].is_served = false;
    director.world.set_speed(&director.members[member].client, speed);
    true
}

/// Pauses, and goes on some time later; perhaps it says so twice.
pub(super) fn pauses(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    let time = ms(director.dice.up_to(12_000) as u64);
    director.count("pauses");
    director.tell_of(member, &format!("pauses for {time:?}"));
    let twice = director.dice.one_in(5);
    director.members[member].client.with(|actor| {
        actor.pauses(stream, true);
        if twice {
            actor.pauses(stream, true);
        }
    });
    director.after(time, move |director| {
        director.tell_of(member, "goes on");
        director.members[member].client.with(|actor| {
            if actor.playing().contains(&stream) {
                actor.pauses(stream, false);
            }
        });
    });
    true
}

pub(super) fn turns_audio_off(director: &mut Director) -> bool {
    turns_off(director, "turns-audio-off", AUDIO)
}

pub(super) fn turns_video_off(director: &mut Director) -> bool {
    turns_off(director, "turns-video-off", VIDEO)
}

fn turns_off(director: &mut Director, fault: &str, kind: usize) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    let time = ms(director.dice.up_to(15_000) as u64);
    director.count(fault);
    director.tell_of(member, &format!("{fault} for {time:?}"));
    director.members[member].client.with(|actor| actor.selects(stream, kind, false));
    director.after(time, move |director| {
        director.members[member].client.with(|actor| {
            if actor.playing().contains(&stream) {
                actor.selects(stream, kind, true);
            }
        });
    });
    true
}

pub(super) fn seeks(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    director.count("seeks");
    director.members[member].client.with(|actor| actor.seeks(stream));
    true
}

/// Several streams on one connection, perhaps one of them twice.
pub(super) fn plays_several(director: &mut Director) -> bool {
    let count = 1 + director.dice.up_to(3);
    let Some(member) = comes(director, "plays-several", "", 0) else { return false };
    for _ in 0..count {
        let name = director.any_name_for(member);
        director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    }
    true
}

/// Plays somebody's stream, and publishes one of its own over the same connection.
pub(super) fn plays_then_publishes(director: &mut Director) -> bool {
    let Some(member) = comes(director, "plays-then-publishes", "", 0) else { return false };
    let (played, published) = (director.any_name(), director.any_name());
    let (name, own) =
        (director.setting.names[played].full.clone(), director.setting.names[published].full.clone());
    let own = if director.dice.one_in(2) { own } else { format!("live/guest{member}") };
    director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    let pause = ms(director.dice.up_to(4_000) as u64);
    director.after(pause, move |director| {
        if director.is_there(member) {
            let film = Box::new(director.film(published, false));
            director.members[member]
                .client
                .with(|actor| actor.does(Errand::Publish { name: own, showing: Showing::NOTHING, film }));
        }
    });
    true
}

/// Publishes something, and plays just that.
pub(super) fn plays_itself(director: &mut Director) -> bool {
    let Some(member) = comes(director, "plays-itself", "", 0) else { return false };
    let pattern = director.any_name();
    let film = Box::new(director.film(pattern, false));
    let name = format!("live/self{member}");
    let publish = Errand::Publish { name: name.clone(), showing: Showing::NOTHING, film };
    let plays_first = director.dice.one_in(2);
    director.members[member].client.with(|actor| match plays_first {
        true => {
            actor.does(Errand::Play { name });
            actor.does(publish);
        }
        false => {
            actor.does(publish);
            actor.does(Errand::Play { name });
        }
    });
    true
}

/// Deletes the NetStream on which it plays, and plays on another one.
pub(super) fn deletes_its_stream(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    director.count("deletes-its-stream");
    director.tell_of(member, "deletes its NetStream");
    let name = director.any_name_for(member);
    let again = director.dice.one_in(2);
    director.members[member].client.with(|actor| {
        actor.deletes(stream);
        if again {
            actor.does(Errand::Play { name });
        }
    });
    true
}

/// Closes what it plays, and plays on the same NetStream some time later.
pub(super) fn closes_its_stream(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    director.count("closes-its-stream");
    director.tell_of(member, "closes its NetStream");
    director.members[member].client.with(|actor| actor.closes(stream));
    let name = director.any_name_for(member);
    let pause = ms(director.dice.up_to(1_500) as u64);
    director.after(pause, move |director| {
        if director.is_there(member) {
            director.members[member].client.with(|actor| actor.plays_on(stream, &name));
        }
    });
    true
}

/// Plays another name on the NetStream on which it plays.
pub(super) fn plays_another_name(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_player() else { return false };
    let name = director.any_name_for(member);
    director.count("plays-another-name");
    director.tell_of(member, &format!("plays {name} where it played something else"));
    director.members[member].client.with(|actor| actor.plays_on(stream, &name));
    true
}

/// Plays what nobody publishes.
pub(super) fn waits_for_nobody(director: &mut Director) -> bool {
    let Some(member) = comes(director, "waits-for-nobody", "live", 0) else { return false };
    let name = format!("live/nobody{member}");
    director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    true
}

pub(super) fn come_in_a_flood(director: &mut Director) -> bool {
    let (name, way) = (director.any_name(), Way::roll(&mut director.dice));
    let count = 5 + director.dice.up_to(7);
    director.count("flood-of-joins");
    director.tell(|| format!("{count} players come at once"));
    for _ in 0..count {
        director.plays(name, way);
    }
    true
}

pub(super) fn wants_too_many_net_streams(director: &mut Director) -> bool {
    let Some(member) = comes(director, "too-many-net-streams", "live", 0) else { return false };
    let name = director.any_name_for(member);
    director.members[member].client.with(|actor| {
        for _ in 0..18 {
            actor.does(Errand::Nothing);
        }
        actor.does(Errand::Play { name });
    });
    // Also where it makes the NetStream by using it.
    director.after(ms(1_500), move |director| {
        if director.is_there(member) && !director.setting.config.session.strict {
            director.members[member].client.with(|actor| actor.plays_on(StreamId(77), "live/a"));
        }
    });
    true
}

pub(super) fn is_refused_too_often(director: &mut Director) -> bool {
    let Some(member) = comes(director, "too-many-refusals", "live", 0) else { return false };
    let (name, plays) = (director.any_name_for(member), director.dice.one_in(2));
    director.members[member].client.with(|actor| {
        if plays {
            actor.does(Errand::Play { name });
        }
        for _ in 0..16 {
            actor.does(Errand::Play { name: "live/..".to_owned() });
        }
    });
    // Whoever plays meanwhile has one NetStream less for that.
    director.after(ms(1_500), move |director| {
        if director.is_there(member) {
            director.members[member].client.with(|actor| {
                (2..=10).for_each(|number| actor.plays_on(StreamId(number), "live/.."));
            });
        }
    });
    true
}

pub(super) fn wants_a_bad_name(director: &mut Director) -> bool {
    let Some(member) = comes(director, "bad-name", "live", 0) else { return false };
    let name = director.dice.pick(&["live/../a", "live/a\u{7}", "live/."]).to_owned();
    let film = Box::new(director.film(0, false));
    let publishes = director.dice.one_in(2);
    director.members[member].client.with(|actor| {
        actor.does(if publishes {
            Errand::Publish { name, showing: Showing::NOTHING, film }
        } else {
            Errand::Play { name }
        });
    });
    true
}

pub(super) fn names_an_app_that_is_none(director: &mut Director) -> bool {
    comes(director, "connect-refused", &"long".repeat(200), 0).is_some()
}

pub(super) fn connects_and_waits(director: &mut Director) -> bool {
    let creates = director.dice.one_in(2);
    let Some(member) = comes(director, "connects-and-waits", "live", 0) else { return false };
    if creates {
        director.members[member].client.with(|actor| actor.does(Errand::Nothing));
    }
    true
}

/// Sends commands without end, and reads no answer.
pub(super) fn leaves_answers_unread(director: &mut Director) -> bool {
    if director.setting.read_bytes < 256 * 1024 {
        return false;
    }
    let Some(member) = comes(director, "answers-unread", "live", 256 * 1024) else { return false };
    // Nothing else befalls it, for whoever read again would find answers to what its peer never asked.
    director.members[member].is_spared = true;
    let plays = director.dice.one_in(2);
    let name = director.any_name_for(member);
    director.world.let_inquire(&director.members[member].client);
    if plays {
        director.members[member].client.with(|actor| actor.does(Errand::Play { name }));
    }
    director.after(ms(1_000), move |director| {
        let client = &director.members[member].client;
        director.world.stall(client);
        director.members[member].is_served = false;
        let client = &director.members[member].client;
        client.with(|actor| {
            // A call of 13 bytes that nobody knows, again and again behind the same header.
            let header: &[u8] = &[3, 0, 0, 0, 0, 0, 13, 20, 0, 0, 0, 0];
            let call = [&[2, 0, 1, b'x', 0][..], &1.0_f64.to_be_bytes()].concat();
            let mut bytes = [header, &call].concat();
            for _ in 0..13_000 {
                bytes.push(0xC3);
                bytes.extend_from_slice(&call);
            }
            actor.peer_mut().send_raw_bytes(&bytes);
        });
    });
    true
}

/// Departs from the specification in some way that is tolerated, unless the server is strict.
pub(super) fn has_quirks(director: &mut Director) -> bool {
    let someone = if director.dice.one_in(2) { director.any_player() } else { director.any_publisher() };
    let Some((member, _)) = someone else { return false };
    director.count("quirks");
    director.tell_of(member, "departs from the specification");
    if director.setting.config.session.strict {
        director.disturbs(member);
    }
    let which = director.dice.up_to(6);
    director.members[member].client.with(|actor| {
        let peer = actor.peer_mut();
        match which {
            1 => peer.delete_stream(StreamId(4_711)),
            2 => peer.tell(StreamId::CONNECTION, "deleteStream", &[Amf::Null, "nobody".into()]),
            3 => peer.close_stream(StreamId(4_711)),
            4 => peer.send_control(TypeId(5), &[1]),
            5 => {
                peer.connect("again");
            }
            _ => peer.send_media(StreamId(4_711), TypeId::AUDIO, 0, bytes::Bytes::from_static(&[0xAF, 1, 2])),
        }
    });
    true
}

/// Somebody comes and does nothing yet. It has so large buffers, if any size is given.
fn comes(director: &mut Director, fault: &str, app: &str, buffer_bytes: usize) -> Option<usize> {
    let way = Way::roll(&mut director.dice);
    let mut link = way.link(&mut director.dice);
    if buffer_bytes > 0 {
        link = LinkOptions {
            bytes_per_second: u64::MAX,
            segments: Segments::Bytes(buffer_bytes),
            send_buffer_bytes: buffer_bytes,
            receive_buffer_bytes: buffer_bytes,
            ..link
        };
    }
    let at_the_end = director.dice.pick(&[AtTheEnd::Leaves, AtTheEnd::Stays, AtTheEnd::PlaysAgain]);
    let manner = Manner { at_the_end, delay_max: None, ..director.manner(way, 0) };
    let member = director.member_of_app(app, link, manner)?;
    director.count(fault);
    director.tell_of(member, &format!("comes: {fault}"));
    Some(member)
}

/// A player goes in such a way.
fn goes(director: &mut Director, fault: &str, how: impl FnOnce(&mut Director, usize)) -> bool {
    let Some((member, _)) = director.any_player() else { return false };
    is_troubled(director, fault, member, fault);
    director.members[member].is_served = false;
    how(director, member);
    true
}

fn is_troubled(director: &mut Director, fault: &str, member: usize, how: &str) {
    director.count(fault);
    director.tell_of(member, how);
    director.disturbs(member);
}
