//! Borders: 2²⁴, 2³¹ and 2³² ms of a publisher's clock, and 2²⁴ ms of a stream's own time.

use sol_core::ids::ChunkSize;
use sol_core::quirk::Quirk;
use sol_tests::peer::codec::{ChunkWriter, Format, Framing, Headers};
use sol_tests::peer::message::{Message, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaSent, Pattern};
use sol_tests::peer::run::{Run, check_run};
use sol_tests::world::{World, ms, seed};

use crate::camera::{
    camera, corrected, due_from, due_ms, frames_of, media, send, send_framed, without_pings,
};

#[test]
fn a_publishers_clock_crosses_every_border_without_a_trace_in_every_habit() {
    for border in BORDERS {
        for (name, habit) in HABITS {
            for omits in [false, true] {
                let what = format!("{border:#x}, {name}, extended timestamp omitted: {omits}");
                let mut world = World::new(seed(1));
                let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
                world.run_for(ms(500));
                // A little off the grid of the pictures: no frame is just at the border.
                let start = border.wrapping_sub(1_990);
                let sent = media(Pattern::new(), 4_000, |media| start.wrapping_add(due_ms(media)));
                let (before, beyond) = sent.split_at(sent.partition_point(|media| media.due < ms(2_500)));
                let framing = |writer: &ChunkWriter, message: &Message| {
                    let framing = habit(writer, message);
                    if omits { framing.omitting_extended() } else { framing }
                };
                send_framed(&mut world, &camera, before, framing);
                let joiner = world.player("live/cam");
                world.run_for(ms(500));
                send_framed(&mut world, &camera, &due_from(beyond, ms(2_500)), framing);

                let last = sent.len() as u64 - 1;
                let run = check_run(&viewer.media(), &sent).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(span_of(&run), (FIRST_FRAME, last, start.wrapping_neg()), "{what}");
                assert_eq!(frames_of(&viewer.media())[0], (FIRST_FRAME, 0), "{what}");
                let run = check_run(&joiner.media(), &sent).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!((run.last, run.offset_ms), (last, start.wrapping_neg()), "{what}");
                assert_eq!(frames_of(&joiner.media())[0].1, 2_000, "{what}");
                assert_eq!(corrected(&mut world, &camera), "", "{what}");
            }
        }
    }
}

#[test]
fn a_first_delta_of_hours_is_no_time_of_the_stream() {
    // FFmpeg begins so: configurations at 0, then format 1 with a delta of hours.
    for framing in [Framing::of(Format::One), Framing::of(Format::One).omitting_extended()] {
        let mut world = World::new(seed(2));
        let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        let sent = media(Pattern::new(), 4_000, |media| match media.role.is_frame() {
            true => due_ms(media) + 20_000_000,
            false => 0,
        });
        send_framed(&mut world, &camera, &sent, |writer, message| {
            match FrameText::read(message.type_id, &message.payload) {
                Some(_) => framing,
                None => writer.framing_for(message, Headers::Compact),
            }
        });
        let run = check_run(&viewer.media(), &sent).unwrap();
        let expected = (FIRST_FRAME, sent.len() as u64 - 1, 20_000_000_u32.wrapping_neg());
        assert_eq!(span_of(&run), expected, "{framing:?}");
        assert_eq!(corrected(&mut world, &camera), "", "{framing:?}");
    }
}

#[test]
fn a_picture_each_five_hours_is_understood_though_every_delta_needs_the_extended_field() {
    const EVERY_MS: u32 = 18_000_000;
    for omits in [false, true] {
        let mut world = World::with_config(seed(3), without_pings());
        let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        let pictures = Pattern::new().video_only().without_metadata().keyframe_every_ms(40);
        let sent = media(pictures, 200, |media| due_ms(media) / 40 * EVERY_MS);
        let sent: Vec<_> =
            sent.into_iter().map(|media| MediaSent { due: ms(media.timestamp_ms.into()), ..media }).collect();
        let formats = |writer: &ChunkWriter, message: &Message| {
            let sequence = FrameText::read(message.type_id, &message.payload).map(|text| text.sequence);
            let framing = match sequence {
                None => writer.framing_for(message, Headers::Compact),
                Some(1 | 5) => Framing::FULL,
                Some(2) => Framing::of(Format::One),
                Some(3) => Framing::of(Format::Two),
                Some(_) => Framing::of(Format::Three),
            };
            if omits { framing.omitting_extended() } else { framing }
        };
        send_framed(&mut world, &camera, &sent, formats);
        let run = check_run(&viewer.media(), &sent).unwrap();
        assert_eq!(span_of(&run), (1, sent.len() as u64 - 1, 0), "omitted: {omits}");
        assert_eq!(corrected(&mut world, &camera), "", "omitted: {omits}");
    }
}

#[test]
fn a_message_of_format_3_behind_an_absolute_time_has_that_time_on_both_sides_of_a_border() {
    // GStreamer means so; the specification, that the time is its delta as well (5.3.1.2.4), which only a small one can be: hence
    // nothing of the wrap, behind which times are small.
    for (border, omits) in BORDERS[..2].iter().flat_map(|&border| [(border, false), (border, true)]) {
        let mut world = World::new(seed(5));
        let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        let start = border.wrapping_sub(300);
        // Sound comes in pairs.
        let time = |media: &MediaSent| start.wrapping_add(media.sequence.div_ceil(2) as u32 * 46);
        let sent = media(Pattern::new().audio_only().without_metadata(), 1_000, time);
        send_framed(&mut world, &camera, &sent, |_, message| {
            let text = FrameText::read(message.type_id, &message.payload);
            let framing = match text {
                Some(text) if text.sequence % 2 == 0 => Framing::of(Format::Three),
                _ => Framing::FULL,
            };
            if omits { framing.omitting_extended() } else { framing }
        });
        let run = check_run(&viewer.media(), &sent).expect("one run");
        let expected = (1, sent.len() as u64 - 1, sent[1].timestamp_ms.wrapping_neg());
        assert_eq!(span_of(&run), expected, "{border:#x}, {omits}");
        let session = world.session(&camera).expect("it is live");
        assert!(session.quirks().get(Quirk::Format3KeepsTime) > 15);
        assert_eq!(corrected(&mut world, &camera), "", "{border:#x}, {omits}");
    }
}

#[test]
fn players_follow_a_stream_over_the_border_and_join_it_beyond() {
    // Small chunks, so that most frames have later chunks, which repeat the extended timestamp.
    let mut config = without_pings();
    config.session.chunk_size = ChunkSize::new(128).expect("within bounds");
    let mut world = World::with_config(seed(4), config);
    let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
    world.run_for(ms(500));
    // Two seconds, hours of silence, and on from just before the border.
    let late_ms = EXTENDED_FROM_MS - 3_000;
    let time = |media: &MediaSent| if media.due < ms(2_000) { 0 } else { late_ms } + due_ms(media);
    let sent: Vec<_> = media(Pattern::new(), 8_000, time)
        .into_iter()
        .map(|media| MediaSent { due: ms(media.timestamp_ms.into()), ..media })
        .collect();
    let (before, beyond) = sent.split_at(sent.partition_point(|media| media.timestamp_ms < EXTENDED_FROM_MS));
    send(&mut world, &camera, before);
    let joiner_before = world.player("live/cam");
    send(&mut world, &camera, &due_from(beyond, ms(EXTENDED_FROM_MS.into())));
    let joiner = world.player("live/cam");
    world.run_for(ms(500));

    for (player, first_ms) in [(viewer, 0), (joiner_before, late_ms + 2_000), (joiner, late_ms + 6_000)] {
        let run = check_run(&player.media(), &sent).expect("one run");
        assert_eq!((run.last, run.offset_ms), (sent.len() as u64 - 1, 0));
        assert_eq!(frames_of(&player.media())[0].1, first_ms);
        player.with(|player| {
            let received = player.peer().received();
            let media =
                received.iter().filter(|message| [TypeId::AUDIO, TypeId::VIDEO].contains(&message.type_id));
            for message in media.clone() {
                let field = Some(message.timestamp_ms).filter(|&time| time >= EXTENDED_FROM_MS);
                assert_eq!((message.format, message.extended), (0, field));
            }
            let later = media.filter(|message| message.extended.is_some()).flat_map(|message| &message.later);
            assert!(later.clone().count() > 300 && later.clone().all(|chunk| chunk.extended_repeated));
        });
    }
    assert_eq!(corrected(&mut world, &camera), "");
}

fn span_of(run: &Run) -> (u64, u64, u32) {
    (run.first, run.last, run.offset_ms)
}

/// Where another byte, the sign, or nothing more is left.
const BORDERS: [u32; 3] = [EXTENDED_FROM_MS, 1 << 31, 0];

/// The first value that does not fit into the field of a message header.
const EXTENDED_FROM_MS: u32 = 0x00FF_FFFF;

/// Behind metadata and two configurations.
const FIRST_FRAME: u64 = 3;

type Habit = fn(&ChunkWriter, &Message) -> Framing;

/// What encoders do with headers.
const HABITS: [(&str, Habit); 3] = [
    ("absolute headers", |_, _| Framing::FULL),
    // As FFmpeg and OBS: beyond the first header the field is nowhere.
    ("the shortest headers", |writer, message| writer.framing_for(message, Headers::Compact)),
    ("an absolute header on each keyframe", |writer, message| match message.payload.first() {
        Some(0x17) => Framing::FULL,
        _ => writer.framing_for(message, Headers::Compact),
    }),
];
