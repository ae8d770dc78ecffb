//! Who wants the place of a publisher that is there, and what befalls backups.

use sol_core::hub::PublisherRole;
use sol_core::limits;

use crate::peer::message::StreamId;
use crate::simulation::bidding::Showing;
use crate::simulation::director::Director;
use crate::world::ms;

use super::publishers::{name_of, role_of};

/// A publisher connects anew, long before the server knows that its old connection is dead; or while that sends.
pub(super) fn comes_anew(director: &mut Director) -> bool {
    let Some((name, showing)) = any_publisher_with_a_key(director) else { return false };
    director.count("comes-anew-with-its-key");
    let is_other = director.dice.one_in(3);
    director.publisher_comes_as(name, showing, is_other);
    true
}

pub(super) fn comes_with_another_key(director: &mut Director) -> bool {
    let Some((name, showing)) = any_publisher_with_a_key(director) else { return false };
    director.count("comes-with-another-key");
    director.publisher_comes_as(name, Showing { key: Some("b"), ..showing }, true);
    true
}

pub(super) fn comes_without_a_key(director: &mut Director) -> bool {
    let Some((name, showing)) = any_publisher_with_a_key(director) else { return false };
    director.count("comes-without-a-key");
    director.publisher_comes_as(name, Showing { key: None, ..showing }, false);
    true
}

/// One after the other, on any loops, as two encoders with the same key do.
pub(super) fn are_replaced_in_a_chain(director: &mut Director) -> bool {
    let Some((name, showing)) = any_publisher_with_a_key(director) else { return false };
    director.count("replaced-in-a-chain");
    let mut pause = ms(0);
    for _ in 0..2 + director.dice.up_to(3) {
        director.after(pause, move |director| director.publisher_comes_as(name, showing, false));
        pause += ms(director.dice.up_to(4_000) as u64);
    }
    true
}

/// Nothing comes of a publisher for so long that its place may be taken; it is heard again, unless somebody has.
pub(super) fn is_silent_for_a_while(director: &mut Director) -> bool {
    let Some((member, stream)) = director.any_publisher() else { return false };
    let (name, role) = (name_of(director, member, stream), role_of(director, member, stream));
    let time = limits::PUBLISHER_SILENCE + ms(200 + director.dice.up_to(4_000) as u64);
    director.count("uplink-silent-for-a-while");
    director.tell_of(member, &format!("does not come through for {time:?}, as {role:?}"));
    director.disturbs(member);
    director.world.unplug(&director.members[member].client);
    director.after(time, move |director| {
        // All of it comes at once.
        director.disturbs_players_of(name);
        director.world.plug_in(&director.members[member].client);
    });
    if director.dice.one_in(2) {
        let at = ms(director.dice.up_to(8_000) as u64);
        director.after(at, move |director| {
            let showing = Showing { role, ..director.showing(name) };
            director.publisher_comes_as(name, showing, false);
        });
    }
    true
}

pub(super) fn backup_comes(director: &mut Director) -> bool {
    let names = director.setting.names.iter().enumerate();
    let names: Vec<usize> = names.filter(|(_, name)| name.has_backups).map(|(index, _)| index).collect();
    if names.is_empty() {
        return false;
    }
    let name = director.dice.pick(&names);
    director.backup_comes(name);
    true
}

pub(super) fn backup_fails(director: &mut Director) -> bool {
    let Some((member, _)) = any_of_role(director, PublisherRole::Backup, None) else { return false };
    director.count("backup-fails");
    fails(director, member);
    true
}

pub(super) fn both_fail(director: &mut Director) -> bool {
    let Some((backup, name)) = any_of_role(director, PublisherRole::Backup, None) else { return false };
    let Some((main, _)) = any_of_role(director, PublisherRole::Main, Some(name)) else { return false };
    director.count("both-fail");
    let both = if director.dice.one_in(2) { [main, backup] } else { [backup, main] };
    let pause = ms(director.dice.up_to(5_000) as u64 - 1);
    fails(director, both[0]);
    director.after(pause, move |director| fails(director, both[1]));
    if director.dice.one_in(2) {
        let pause = pause + ms(director.dice.up_to(8_000) as u64);
        director.after(pause, move |director| director.publisher_comes(name, true));
    }
    true
}

fn fails(director: &mut Director, member: usize) {
    if !director.is_there(member) {
        return;
    }
    director.tell_of(member, "fails");
    director.disturbs(member);
    director.members[member].is_served = false;
    let client = &director.members[member].client;
    match director.dice.up_to(3) {
        1 => director.world.cut(client),
        2 => director.world.lose(client),
        _ => director.world.unplug(client),
    }
}

/// Of those that publish a name with a key: which, and what they show.
fn any_publisher_with_a_key(director: &mut Director) -> Option<(usize, Showing)> {
    let (member, stream) = director.any_publisher()?;
    let name = name_of(director, member, stream);
    let key = director.setting.names[name].key?;
    Some((name, Showing { role: role_of(director, member, stream), key: Some(key) }))
}

/// Somebody who publishes in that role, perhaps under a name: who, and under which.
fn any_of_role(director: &mut Director, role: PublisherRole, of: Option<usize>) -> Option<(usize, usize)> {
    // Not everybody is found.
    for _ in 0..6 {
        let (member, stream): (usize, StreamId) = director.any_publisher()?;
        let name = name_of(director, member, stream);
        if role_of(director, member, stream) == role && of.is_none_or(|of| of == name) {
            return Some((member, name));
        }
    }
    None
}
