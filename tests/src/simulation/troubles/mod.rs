//! Troubles: what befalls somebody in a world, each as often as its weight says.
//!
//! Each says whether it could happen: where nobody is there whom it could befall, another one does.

mod players;
mod publishers;
mod server;
mod strangers;
mod takeovers;

use super::director::Director;

pub(super) use server::plan_rarity;

/// Something that may happen.
pub(super) struct Trouble {
    pub weight: usize,
    pub happens: fn(&mut Director) -> bool,
}

const fn trouble(weight: usize, happens: fn(&mut Director) -> bool) -> Trouble {
    Trouble { weight, happens }
}

/// All of them. What it takes a while to come of has more weight.
pub(super) const TROUBLES: &[Trouble] = &[
    trouble(30, publishers::is_cut),
    trouble(14, publishers::is_half_open),
    trouble(14, publishers::is_lost),
    trouble(20, publishers::hangs_up),
    trouble(10, publishers::breaks_its_chunks),
    trouble(10, publishers::falls_silent),
    trouble(8, publishers::says_close),
    trouble(24, publishers::finishes),
    trouble(16, publishers::republishes),
    trouble(16, publishers::stalls),
    trouble(12, publishers::is_slow),
    trouble(16, publishers::has_a_rival),
    trouble(24, takeovers::comes_anew),
    trouble(8, takeovers::comes_with_another_key),
    trouble(6, takeovers::comes_without_a_key),
    trouble(10, takeovers::are_replaced_in_a_chain),
    trouble(24, takeovers::is_silent_for_a_while),
    trouble(20, takeovers::backup_comes),
    trouble(16, takeovers::backup_fails),
    trouble(16, takeovers::both_fail),
    trouble(12, players::is_cut),
    trouble(12, players::is_half_open),
    trouble(12, players::is_lost),
    trouble(12, players::hangs_up),
    trouble(45, players::stalls),
    trouble(20, players::stalls_for_good),
    trouble(14, players::loses_its_link_for_a_while),
    trouble(40, players::is_slow),
    trouble(20, players::is_too_slow),
    trouble(30, players::pauses),
    trouble(16, players::turns_audio_off),
    trouble(20, players::turns_video_off),
    trouble(8, players::seeks),
    trouble(24, players::plays_several),
    trouble(14, players::plays_then_publishes),
    trouble(12, players::plays_itself),
    trouble(12, players::deletes_its_stream),
    trouble(12, players::closes_its_stream),
    trouble(14, players::plays_another_name),
    trouble(10, players::waits_for_nobody),
    trouble(20, players::come_in_a_flood),
    trouble(8, players::says_close),
    trouble(8, players::wants_too_many_net_streams),
    trouble(8, players::is_refused_too_often),
    trouble(8, players::wants_a_bad_name),
    trouble(8, players::names_an_app_that_is_none),
    trouble(10, players::connects_and_waits),
    trouble(14, players::leaves_answers_unread),
    trouble(20, players::has_quirks),
    trouble(5, strangers::speaks_http),
    trouble(5, strangers::speaks_tls),
    trouble(5, strangers::speaks_rtmpe),
    trouble(5, strangers::speaks_another_version),
    trouble(5, strangers::speaks_at_random),
    trouble(8, strangers::speaks_at_random_behind_its_handshake),
    trouble(6, strangers::stops_in_its_handshake),
    trouble(6, strangers::trickles_through_its_handshake),
    trouble(6, strangers::greets_and_waits),
    trouble(6, strangers::sends_a_message_too_long),
    trouble(6, strangers::opens_too_many_chunk_streams),
    trouble(5, strangers::leaves_too_much_unfinished),
    trouble(22, server::shuts_down),
    trouble(8, server::reads_regardless),
    trouble(20, server::is_as_busy_as_that),
    trouble(30, server::holds_a_loop_back),
];
