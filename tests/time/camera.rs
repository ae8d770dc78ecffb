//! Camera: a publisher by hand, which sends what a test says, with the headers that it says.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::server::ServerConfig;
use sol_tests::peer::codec::{ChunkWriter, Framing, Headers};
use sol_tests::peer::message::{ChunkStream, MediaReceived, Message, StreamId, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaSent, Pattern};
use sol_tests::peer::{ChunkSizeHabit, Peer, PeerOptions};
use sol_tests::world::{Client, LinkOptions, Segments, World, ms};

/// Whoever publishes `live/cam` and sends nothing by itself. Its chunks have 128 bytes, so most of its messages have several.
pub(crate) fn camera(world: &mut World) -> Client<Peer> {
    let camera = world.peer_with(PeerOptions { chunk_size: ChunkSizeHabit::Never, ..PeerOptions::default() });
    camera.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(STREAM, "cam");
    });
    world.run_for(ms(500));
    camera
}

/// Sends each message when it is due, counted from here on, with the shortest headers; then waits until all has arrived.
pub(crate) fn send(world: &mut World, camera: &Client<Peer>, sent: &[MediaSent]) {
    send_framed(world, camera, sent, |writer, message| writer.framing_for(message, Headers::Compact));
}

/// The same with other headers.
pub(crate) fn send_framed(
    world: &mut World,
    camera: &Client<Peer>,
    sent: &[MediaSent],
    framing: impl Fn(&ChunkWriter, &Message) -> Framing,
) {
    let began = world.now();
    for media in sent {
        // Not all that was recorded is in the order of its times.
        world.run_until(world.now().max(began + media.due));
        camera.with(|peer| {
            let message = message_of(media);
            let framing = framing(peer.writer(), &message);
            peer.send_raw_message(&message, framing);
        });
    }
    world.run_for(ms(500));
}

pub(crate) fn message_of(media: &MediaSent) -> Message {
    let is_video = media.type_id == TypeId::VIDEO;
    Message {
        chunk_stream: if is_video { ChunkStream::VIDEO } else { ChunkStream::AUDIO },
        timestamp_ms: media.timestamp_ms,
        type_id: media.type_id,
        stream: STREAM,
        payload: media.payload.clone(),
    }
}

/// So much of a pattern, in another time.
pub(crate) fn media(pattern: Pattern, millis: u64, time: impl Fn(&MediaSent) -> u32) -> Vec<MediaSent> {
    let media = pattern.media().take_while(|media| media.due < ms(millis));
    media.map(|media| MediaSent { timestamp_ms: time(&media), ..media }).collect()
}

/// The same, to be sent later: when `due` is reached.
pub(crate) fn due_from(sent: &[MediaSent], due: Duration) -> Vec<MediaSent> {
    sent.iter().map(|media| MediaSent { due: media.due.saturating_sub(due), ..media.clone() }).collect()
}

/// When it is due, in milliseconds.
pub(crate) fn due_ms(media: &MediaSent) -> u32 {
    media.due.as_millis() as u32
}

/// The camera leaves, and this is what its log line says of what was corrected.
pub(crate) fn corrected(world: &mut World, camera: &Client<Peer>) -> String {
    world.hang_up(camera);
    world.run_for(ms(500));
    let [(_, summary)] = &camera.endings()[..] else { panic!("it published once") };
    summary.corrections.to_string()
}

/// The frames among what a player got: their numbers and times.
pub(crate) fn frames_of(media: &[MediaReceived]) -> Vec<(u64, u32)> {
    let texts = media.iter().filter_map(|media| {
        FrameText::read(media.type_id, &media.payload).map(|text| (text.sequence, media.timestamp_ms))
    });
    texts.collect()
}

/// What a server is of itself but for its streams.
pub(crate) fn with_streams(stream: StreamConfig) -> ServerConfig {
    ServerConfig { stream: stream.into(), ..ServerConfig::default() }
}

/// The same but for pings, of which there are thousands in hours of silence.
pub(crate) fn without_pings() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.session.timers.ping = Duration::MAX;
    config.session.timers.silence = Duration::MAX;
    config
}

/// On such a line nothing waits for anything: whatever is sent in a moment comes 20 ms later, in one piece.
pub(crate) const EVEN: LinkOptions = LinkOptions {
    latency: ms(20),
    bytes_per_second: u64::MAX,
    segments: Segments::Bytes(64 * 1024),
    send_buffer_bytes: 1024 * 1024,
    receive_buffer_bytes: 1024 * 1024,
};

pub(crate) const STREAM: StreamId = StreamId(1);
