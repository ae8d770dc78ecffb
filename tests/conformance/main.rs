//! The conformance suite: one list of claims about a server and a client at real sockets, run over every adapter.
//!
//! Each claim is a function of an [`Adapter`](adapters::Adapter); the lists below make a test of it for each, such as
//! `tokio_one_thread::gaps::a_player_that_stops_reading_goes_on_at_a_keyframe_with_its_preamble`. There are no exceptions:
//! where an adapter needs one it is wrong, and where adapters differ for a reason, what differs belongs into the core.
//!
//! To add an adapter, write `adapters/<its name>.rs` with an implementation of the traits in `adapters/mod.rs`, and put it
//! into the list at the end of this file. The application of each server is a [`Porter`](porter::Porter): where the adapter
//! awaits an answer it gives `decision`, where the answer is a value to be kept and used later, `decide` calls it. A claim
//! that is in no list is dead code, and the compiler says so.
//!
//! A claim waits for what is to happen and never for time to pass. Of what can be configured no time runs out in it but that
//! which is to run out ([`patience`]), so it holds on a busy machine. What cannot be configured runs too: the core's linger
//! of 1 s, and the 2 s within which some adapters gather a report. A machine that stands still for longer can fail a claim.

mod adapters;
mod claims;
mod house;
mod net;
mod patience;
mod porter;
mod visitor;

macro_rules! every_claim_of {
    ($($name:ident: $adapter:expr;)+) => {$(
        mod $name {
            claims! { $adapter;
                beside_each_other {
                    abrupt: [
                        a_player_sees_each_of_many_publishers_that_take_each_others_place,
                        a_publisher_that_leaves_behind_its_last_frame_is_played_to_the_end,
                        players_that_are_cut_off_amid_frames_disturb_nobody,
                        publishers_that_are_cut_off_amid_a_frame_leave_nothing_behind_and_disturb_nobody,
                        without_grace_players_of_a_publisher_that_is_cut_off_are_told_that_it_is_over,
                    ]
                    client: [
                        a_client_hears_that_the_server_shuts_down,
                        a_client_that_only_sends_hears_that_the_server_shuts_down,
                        a_client_hears_why_it_is_refused,
                        a_client_is_not_kept_by_what_is_no_server,
                        a_client_plays_to_the_last_byte_and_hears_the_end,
                        a_client_publishes_to_the_last_byte_and_leaves_in_good_order,
                        a_client_that_nobody_answers_gives_up,
                        a_client_that_is_dropped_is_gone,
                        a_client_that_cannot_connect_says_so,
                        a_client_whose_connection_ends_without_a_word_hears_of_it,
                        what_a_client_hears_and_says_may_come_byte_by_byte,
                    ]
                    handshake: [
                        an_opening_is_understood_in_any_cut,
                        connect_glued_to_c2_is_answered,
                        what_is_no_rtmp_is_closed_with_its_reason,
                    ]
                    deadlines: [
                        a_client_that_asks_for_nothing_is_closed_in_time,
                        a_client_that_talks_without_end_is_closed_in_time,
                        a_connection_that_falls_silent_is_closed_in_time,
                        a_handshake_that_stands_still_is_closed_in_time,
                        a_hundred_who_stand_still_are_each_closed_in_time,
                        a_player_whose_stream_never_comes_is_told_in_time,
                        one_who_is_refused_and_stays_is_closed_in_time,
                    ]
                    draining: [
                        a_shutdown_ends_a_drain,
                        nobody_waits_for_a_publisher_that_can_come_no_more,
                        who_does_not_leave_in_time_is_told_of_the_shutdown,
                        who_is_there_goes_on_and_is_asked_to_leave_and_the_server_ends_with_the_last,
                    ]
                    forms: [
                        a_player_of_a_form_that_cannot_carry_the_stream_hears_which_codec_it_is,
                        a_player_of_the_legacy_form_gets_legacy_tags_wherever_it_is,
                    ]
                    gaps: [
                        a_player_that_stops_reading_goes_on_at_a_keyframe_with_its_preamble,
                        a_player_that_lost_more_than_it_may_is_given_up,
                    ]
                    joining: [
                        a_player_and_its_publisher_that_come_at_the_same_moment_find_each_other,
                        a_player_that_comes_amid_a_group_begins_with_its_keyframe,
                        a_player_that_comes_before_the_publisher_misses_nothing,
                        players_that_come_while_frames_do_miss_none_from_there_on,
                    ]
                    late_answers: [
                        a_peer_that_leaves_before_the_answer_leaves_nothing_behind,
                        a_policy_that_takes_its_time_keeps_only_its_own_client_waiting,
                        a_request_that_is_never_answered_is_refused_in_time_and_the_answer_then_is_harmless,
                        many_answers_at_once_reach_those_who_asked,
                        what_an_eager_encoder_sent_behind_its_request_is_not_lost,
                        what_was_sent_behind_a_request_that_is_refused_late_goes_nowhere,
                    ]
                    playing: [
                        frames_larger_than_all_buffers_arrive_whole,
                        one_connection_plays_several_streams,
                        sixty_players_get_every_byte_and_the_end_behind_the_last,
                        streams_beside_each_other_do_not_mix,
                        what_is_gathered_comes_when_its_time_has_come,
                        what_is_published_is_played,
                    ]
                    racing: [
                        a_name_goes_from_hand_to_hand_and_its_players_see_each_to_its_end,
                        of_many_publishers_at_the_same_moment_exactly_one_has_the_name,
                        who_comes_at_the_moment_of_an_end_sees_this_stream_or_the_next,
                    ]
                    refusing: [
                        a_refusal_is_read_before_the_connection_closes_whatever_the_peer_still_sends,
                        a_second_publisher_is_refused_and_the_first_goes_on,
                        connections_beyond_the_maximum_are_turned_away_and_the_others_undisturbed,
                        whom_the_policy_refuses_hears_why,
                    ]
                    reporting: [
                        a_report_does_not_wait_for_a_connection_that_is_closing,
                        a_report_says_who_publishes_and_plays_what_from_where_and_how_well,
                        everybody_who_asks_for_a_report_at_the_same_time_gets_the_whole_of_it,
                        the_tracks_of_a_publisher_are_told_wherever_it_and_its_stream_are,
                    ]
                    returning: [
                        a_backup_takes_over_from_a_publisher_that_leaves,
                        a_name_in_grace_goes_to_the_next_publisher_and_to_no_third,
                        a_publisher_that_returns_again_and_again_is_one_stream_to_its_players,
                        a_publisher_with_the_same_credential_takes_the_place_of_one_that_still_seems_to_be_there,
                        players_of_a_publisher_that_vanished_are_told_when_the_grace_is_over,
                    ]
                    shutdown: [
                        a_shutdown_does_not_wait_for_an_answer_of_the_application,
                        a_shutdown_does_not_wait_for_ever_for_those_who_do_not_leave,
                        everybody_is_told_of_a_shutdown_and_nothing_is_left,
                        sixty_players_leave_with_a_shutdown,
                        who_asks_for_a_shutdown_a_second_time_waits_for_the_same,
                        who_comes_during_a_shutdown_is_not_kept,
                    ]
                    stalling: [
                        a_player_that_takes_nothing_is_reset_and_disturbs_nobody,
                    ]
                    within: [
                        a_publisher_from_within_that_is_replaced_hears_of_it_when_it_appends,
                        a_stream_from_within_goes_on_over_a_shutdown,
                        a_stream_from_within_is_played_like_any_other,
                        a_stream_from_within_that_is_dropped_may_be_taken_up_by_another_publisher,
                        streams_from_within_are_appended_in_several_threads_at_once,
                    ]
                }
                alone {
                    crowds: [
                        thousands_of_connections_come_and_go_and_leave_nothing,
                    ]
                    descriptors: [
                        without_descriptors_those_who_are_there_go_on_and_the_others_are_served_later,
                    ]
                }
            }
        }
    )+};
}

macro_rules! claims {
    (
        $adapter:expr;
        beside_each_other { $($beside:ident: [$($together:ident,)+])+ }
        alone { $($apart:ident: [$($alone:ident,)+])+ }
    ) => {
        $(mod $beside {
            $(#[test]
            fn $together() {
                crate::net::within_a_minute(|| crate::claims::$beside::$together(&$adapter));
            })+
        })+
        $(mod $apart {
            $(#[test]
            fn $alone() {
                let test = concat!(module_path!(), "::", stringify!($alone));
                crate::net::alone(test, || crate::claims::$apart::$alone(&$adapter));
            })+
        })+
    };
}

every_claim_of! {
    tokio_many_threads: crate::adapters::Tokio::ManyThreads;
    tokio_one_thread: crate::adapters::Tokio::OneThread;
    mio_one_loop: crate::adapters::Mio { loops: 1 };
    mio_four_loops: crate::adapters::Mio { loops: 4 };
    async_std: crate::adapters::AsyncIo::AsyncStd;
    smol: crate::adapters::AsyncIo::Smol;
}
