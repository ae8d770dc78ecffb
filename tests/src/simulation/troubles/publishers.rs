//! What befalls publishers, and how they return.

use sol_core::hub::PublisherRole;

use crate::peer::message::StreamId;
use crate::simulation::actor::{Actor, Errand};
use crate::simulation::bidding::Showing;
use crate::simulation::director::Director;
use crate::world::ms;

pub(super) fn is_cut(director: &mut Director) -> bool {
    goes(director, "publisher-cut", |director, member| {
        director.world.cut(&director.members[member].client);
    })
}

pub(super) fn is_half_open(director: &mut Director) -> bool {
    goes(director, "publisher-half-open", |director, member| {
        director.world.unplug(&director.members[member].client);
    })
}

pub(super) fn is_lost(director: &mut Director) -> bool {
    goes(director, "publisher-lost", |director, member| {
        director.world.lose(&director.members[member].client);
    })
}

pub(super) fn hangs_up(director: &mut Director) -> bool {
    goes(director, "publisher-hangs-up", |director, member| {
        director.world.hang_up(&director.members[member].client);
    })
}

pub(super) fn breaks_its_chunks(director: &mut Director) -> bool {
    goes(director, "publisher-breaks-chunks", |director, member| {
        // Format 3 on a chunk stream that nothing was said on.
        director.members[member].client.with(|actor| actor.peer_mut().send_raw_bytes(&[0xC0 | 60]));
    })
}

pub(super) fn falls_silent(director: &mut Director) -> bool {
    goes(director, "publisher-falls-silent", |director, member| {
        director.world.stall(&director.members[member].client);
        director.members[member].client.with(Actor::falls_silent);
    })
}

pub(super) fn says_close(director: &mut Director) -> bool {
    goes(director, "publisher-says-close", |director, member| {
        director.members[member].client.with(|actor| {
            actor.falls_silent();
            actor.says_close();
        });
    })
}

pub(super) fn finishes(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_publisher() else { return false };
    let (name, role) = (name_of(director, member, stream), role_of(director, member, stream));
    let deletes = director.dice.one_in(2);
    director.count("publisher-finishes");
    director.tell_of(member, "finishes");
    director.members[member].client.with(|actor| actor.finishes(stream, deletes));
    if director.dice.one_in(2) {
        director.after(ms(200), move |director| {
            director.members[member].is_served = false;
            director.members[member].client.with(Actor::leaves);
        });
    }
    returns(director, name, role);
    true
}

/// Ends what it publishes, and publishes again over the same connection.
pub(super) fn republishes(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_publisher() else { return false };
    let (name, role) = (name_of(director, member, stream), role_of(director, member, stream));
    director.count("republishes");
    director.tell_of(member, "ends its stream and publishes again");
    let deletes = director.dice.one_in(2);
    director.members[member].client.with(|actor| actor.finishes(stream, deletes));
    let pause = ms(director.dice.up_to(2_000) as u64);
    director.after(pause, move |director| {
        if !director.is_there(member) {
            return;
        }
        let film = director.film(name, true);
        let showing = Showing { role, ..director.showing(name) };
        let full = director.setting.names[name].full.clone();
        director.members[member].client.with(|actor| match deletes {
            true => actor.does(Errand::Publish { name: full, showing, film: Box::new(film) }),
            false => actor.republishes(stream, &full, showing, film),
        });
    });
    true
}

/// Nothing comes through for a while, and then everything at once.
pub(super) fn stalls(director: &mut Director) -> bool {
    if !director.setting.has_bursts {
        return false;
    }
    let Some((member, _)) = director.any_publisher() else { return false };
    let time = ms(500 + director.dice.up_to(5_000) as u64);
    director.count("uplink-stalls");
    director.tell_of(member, &format!("does not come through for {time:?}"));
    director.disturbs(member);
    director.world.unplug(&director.members[member].client);
    director.after(time, move |director| director.world.plug_in(&director.members[member].client));
    true
}

/// Its link carries less than it sends, for a while.
pub(super) fn is_slow(director: &mut Director) -> bool {
    if !director.setting.has_bursts {
        return false;
    }
    let Some((member, _)) = director.any_publisher() else { return false };
    let speed = 200 + director.dice.up_to(20_000) as u64;
    let time = ms(1_000 + director.dice.up_to(6_000) as u64);
    director.count("uplink-slow");
    director.tell_of(member, &format!("has an uplink of {speed} B/s for {time:?}"));
    director.disturbs(member);
    director.world.set_speed(&director.members[member].client, speed);
    director
        .after(time, move |director| director.world.set_speed(&director.members[member].client, u64::MAX));
    true
}

/// Somebody else wants the same name.
pub(super) fn has_a_rival(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_publisher() else { return false };
    let name = name_of(director, member, stream);
    director.publisher_comes(name, false);
    true
}

/// A publisher goes in such a way, and mostly returns.
fn goes(director: &mut Director, fault: &str, how: impl FnOnce(&mut Director, usize)) -> bool {
    let Some((member, stream)) = director.any_publisher() else { return false };
    let (name, role) = (name_of(director, member, stream), role_of(director, member, stream));
    director.count(fault);
    director.tell_of(member, &format!("is no publisher any more: {fault}"));
    director.disturbs(member);
    director.members[member].is_served = false;
    how(director, member);
    returns(director, name, role);
    true
}

/// Somebody publishes the name again: within the grace, or behind it; perhaps something else, perhaps on another loop.
fn returns(director: &mut Director, name: usize, role: PublisherRole) {
    let grace = director.setting.rules.grace;
    let within = !grace.is_zero() && !director.dice.one_in(3);
    let share = director.dice.up_to(80) as u32;
    let pause = match within {
        true => ms(150) + grace * share / 100,
        false => grace + ms(director.dice.up_to(6_000) as u64),
    };
    let is_other = director.dice.one_in(2);
    director.after(pause, move |director| {
        director.count(if within { "returns-within-grace" } else { "returns-after-grace" });
        if is_other {
            director.count("returns-with-other-codecs");
        }
        if director.setting.loops > 1 {
            director.count("returns-on-any-loop");
        }
        let showing = Showing { role, ..director.showing(name) };
        director.publisher_comes_as(name, showing, is_other);
    });
}

pub(super) fn name_of(director: &Director, member: usize, stream: StreamId) -> usize {
    director.name_index(&director.members[member].client.with(|actor| actor.name_on(stream).to_owned()))
}

pub(super) fn role_of(director: &Director, member: usize, stream: StreamId) -> PublisherRole {
    director.members[member].client.with(|actor| actor.role_on(stream))
}
