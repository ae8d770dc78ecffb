//! Every bound on what a peer can make Sol hold or do, in one table, with the reason for each number.
//!
//! What a session or a stream may hold is the sum of its rows; nothing else grows with a peer's input, except that events
//! wait until the driver takes them: for each call at most one for each byte of its input and of what was held, and
//! [`AGGREGATE_PARTS`] where an aggregate ends.

use std::ops::RangeInclusive;
use std::time::Duration;

// --- Chunks -----------------------------------------------------------------------------------------------

/// Longest message that a publisher may send. The length field has 24 bits, so this is all that the protocol
/// allows; a keyframe of 8K video at 100 Mbit/s stays below 2 MiB.
pub const MESSAGE_BYTES: usize = 0x00FF_FFFF;

/// Longest message before a publication is granted. Commands of real clients stay below 4 KiB; a stranger does
/// not get to park megabytes.
pub const UNTRUSTED_MESSAGE_BYTES: usize = 256 * 1024;

/// Bytes of unfinished messages over all chunk streams of one connection, beyond one message of the largest size
/// that this peer may send: ample audio beside a keyframe.
pub const PARTIAL_SLACK_BYTES: usize = 256 * 1024;

/// Chunk streams that one peer may open. Encoders use fewer than ten; some number a lane per track.
pub const CHUNK_STREAMS: usize = 128;

/// A format-3 chunk that starts a message right after a format-0 one repeats its timestamp as a delta (RTMP 1.0,
/// 5.3.1.2.4). Up to this value it is believable as the distance of two messages; beyond it, the peer means "the
/// same time" (GStreamer).
pub const FORMAT3_DELTA_MILLIS: u32 = 1_000;

// --- Tags -------------------------------------------------------------------------------------------------

/// Tracks in one audio or video message. Their ids have eight bits.
pub const TAG_TRACKS: usize = 256;

/// Modifiers (ModEx) of one message. One is assigned.
pub const TAG_MODIFIERS: usize = 16;

/// Channels of an audio track. Their count has eight bits.
pub const TAG_CHANNELS: usize = 255;

// --- Forms ------------------------------------------------------------------------------------------------

/// Forms of one stream, made at once, of other tracks than the default one. Each costs a copy of whatever it changes, and keeps a tape.
/// Those of the default track are two, and always have a place.
pub const TRACK_FORMS: usize = 8;

/// How long a form is made that nobody reads, in the stream's time: whoever comes and goes does not have it made anew each time.
pub const FORM_LINGER: Duration = Duration::from_secs(10);

/// How long, in the stream's time, nobody has read a form that another takes the place of. What is made anew goes through the whole
/// tape, so that nobody has that done more often than [`TRACK_FORMS`] times in so long.
pub const FORM_REST: Duration = Duration::from_secs(1);

// --- AMF --------------------------------------------------------------------------------------------------

/// Objects within objects. Real commands nest three deep.
pub const AMF_DEPTH: usize = 32;

/// Values in one message, properties and elements counted alike. The longest metadata seen has about 60.
pub const AMF_VALUES: usize = 4_096;

/// Longest text of a value, in bytes, that is shown to people whole. URLs with tokens are shorter.
pub const AMF_SHOWN_BYTES: usize = 1_024;

// --- Session ----------------------------------------------------------------------------------------------
//
// The times that stand in `session::SessionTimers` too are its defaults.

/// NetStreams of one connection. Clients use one; players of several cameras a handful.
pub const NET_STREAMS: usize = 16;

/// What a client says of itself (`app` with its query string, `tcUrl`, `flashVer`), each, in bytes: it goes into events and
/// logs. Longer texts are cut there; an app whose path is too long for a name is refused.
pub const CLIENT_TEXT_BYTES: usize = 8 * 1024;

/// FourCCs that are kept of each list of codecs that a peer states. Enhanced RTMP v2 has twelve; the rest is room for later ones.
pub const FOUR_CCS: usize = 32;

/// What a server says to a client (its name, codes, descriptions, where it sends its clients), each, in bytes: it is shown to
/// people.
pub const SERVER_WORD_BYTES: usize = 1024;

/// App and stream name together, in bytes. Signed query strings are apart from the name.
pub const NAME_BYTES: usize = 512;

/// Query string of a stream name, in bytes: room for a signed token.
pub const QUERY_BYTES: usize = 4_096;

/// Output queued for one peer before its tape is no longer read. One frame may come on top.
pub const OUTBOX_BYTES: usize = 64 * 1024;

/// Answers queued for one peer beyond which the session is closed: only a peer that sends commands without reading
/// the answers gets here, since its input is no longer wanted from [`OUTBOX_BYTES`] on.
pub const OUTBOX_BYTES_CLOSE: usize = 1024 * 1024;

/// Acknowledgements and pings are left out while this much output waits: a publisher that never reads (OBS,
/// librtmp) must not be taken for stalled because of them.
pub const OUTBOX_BYTES_CHATTER: usize = 4 * 1024;

/// Bytes that came behind a request which the application has not answered yet. Input is not wanted then, so
/// this is what one last read brings, however much a driver reads at a time.
pub const HELD_INPUT_BYTES: usize = 8 * 1024 * 1024;

/// Fewest bytes between two Acknowledgements, even if the peer asks for one per byte.
pub const ACKNOWLEDGEMENT_BYTES: u32 = 16 * 1024;

/// Time for C0, C1 and C2 to arrive. Slow mobile links need a second or two.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Time from the handshake to `connect`, from `connect` to the first publish or play, and from the end of the last
/// stream to the next.
pub const COMMAND_TIME: Duration = Duration::from_secs(15);

/// Time without one byte received and without media taken, after which a session is dead. That a kernel takes a ping
/// proves nothing.
pub const SILENCE_TIME: Duration = Duration::from_secs(60);

/// Time for which the host of a peer may be out of reach, while nothing is on its way to it: a phone in a tunnel comes back
/// within it, and a publisher whose host has vanished mostly holds its stream's name no longer.
pub const UNREACHABLE_TIME: Duration = Duration::from_secs(15);

/// Time between two pings. They measure the round trip, and ask a silent peer whether it lives: three fit into
/// [`SILENCE_TIME`].
pub const PING_TIME: Duration = Duration::from_secs(20);

/// Shortest time between two pings that a configuration can ask for: with none at all a session would do nothing else.
pub const PING_TIME_MIN: Duration = Duration::from_secs(1);

/// Time within which a peer must take [`STALL_BYTES`] of the output that waits, or all of it.
pub const STALL_TIME: Duration = Duration::from_secs(30);

/// See [`STALL_TIME`]: some 9 kbit/s. A byte a second buys no life.
pub const STALL_BYTES: usize = 32 * 1024;

/// Refusals on one connection, after which it is closed. Each costs an answer and a line in a log.
pub const REFUSALS: u32 = 16;

/// Time that a peer gets to leave by itself after the last stream of its connection ended or was refused.
pub const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// Time that the application gets to answer a request, before it is refused in its name.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Time that a server gets to answer each thing that a client asks: more than [`ANSWER_TIME`], so that its refusal for want
/// of a decision is heard.
pub const REPLY_TIME: Duration = Duration::from_secs(40);

/// Time without a byte from a server after which a client takes it for dead, unless the server takes what the client
/// publishes, or the client has nothing to publish. nginx-rtmp pings once a minute, and nobody is asked to answer the pings of
/// a client.
pub const SERVER_SILENCE_TIME: Duration = Duration::from_secs(90);

/// Parts of one aggregate message. A second of media has some hundred; a peer could pack a million empty ones.
pub const AGGREGATE_PARTS: usize = 4_096;

/// How long a connection that was closed with a word to the peer is kept for it to be read, and how much of what
/// still comes is read and thrown away.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// See [`LINGER_TIME`].
pub const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// How long a client that leaves waits for the server to close: what it sent last may still be on its way over a slow line, up
/// to half a megabyte in the kernel.
pub const LEAVE_TIME: Duration = Duration::from_secs(30);

/// Time for the last bytes of a closing session to leave.
pub const FLUSH_TIME: Duration = Duration::from_secs(5);

// --- Files ------------------------------------------------------------------------------------------------

/// Header of an FLV file. All that were ever seen have 9 bytes; the field could say 4 GiB.
pub const FLV_HEADER_BYTES: usize = 1_024;

/// Keyframes in the index of an FLV file: an hour with one each two seconds. The room for them, 32 KB, is taken when the
/// file begins. Where there are more, every other one is left out. Their times and positions, with metadata beside, stay
/// below [`AMF_VALUES`]. An even number.
pub const FLV_KEYFRAMES: usize = 1_800;

/// Metadata of a publisher that goes into the first tag of an FLV file, in bytes, and is kept until the file ends. Longer
/// ones get a tag of their own.
pub const FLV_METADATA_BYTES: usize = 64 * 1024;

// --- Hub --------------------------------------------------------------------------------------------------

/// Stream names in use at once, by publishers and by players. From here on only publishers may take new ones, up to
/// [`STREAMS_RESERVED`] more: nobody can keep publishers out by waiting for names that do not exist.
pub const STREAMS: usize = 10_000;
/// See [`STREAMS`].
pub const STREAMS_RESERVED: usize = 10_000;

/// Bytes of frames on one tape: 20 s at 12 Mbit/s, or one frame of the largest size and some more. An operator can have less.
/// What is kept of a publisher that stands by has the same bounds, and so has the tape of each form of the stream: as long as all
/// of its forms are read, two and [`TRACK_FORMS`], a stream can have twelve times as much. What they share is there once.
pub const TAPE_BYTES: usize = 32 * 1024 * 1024;

/// Media time on one tape, while somebody lags or groups are long. An operator can have less.
pub const TAPE_TIME: Duration = Duration::from_secs(20);

/// Frames on one tape, so that a publisher of empty messages is bounded too: 20 s of video at 120 frames and of
/// four audio tracks at 50 each second, twice over.
pub const TAPE_FRAMES: usize = 16_384;

/// Age of the sync point at which [`Join::Instant`](crate::hub::Join::Instant) begins: FFmpeg, and mpv with it, gather 1.6 s
/// of media before they show any, and not all of it has come when they ask.
pub const INSTANT_JOIN_TIME: Duration = Duration::from_secs(2);

/// Distance of two sync points that are remembered, but for the newest. Encoders that send nothing but keyframes make 60 a
/// second; nobody needs to be put so exactly.
pub const SYNC_POINT_TIME: Duration = Duration::from_millis(250);

/// Sync points that a tape remembers, each with its configurations: the newest, one that is old enough for
/// [`INSTANT_JOIN_TIME`], and between them one each [`SYNC_POINT_TIME`]. So many whatever a publisher sends.
pub const SYNC_POINTS: usize =
    2 + INSTANT_JOIN_TIME.as_millis().div_ceil(SYNC_POINT_TIME.as_millis()) as usize;

/// Distance of two sync points in a stream without video.
pub const AUDIO_SYNC_TIME: Duration = Duration::from_secs(1);

/// Metadata, codec configurations, channel layouts and colours in a preamble: one each per track. A ladder of eight pictures with
/// as many languages has 17, with all of these 33.
pub const PREAMBLE_CONFIGS: usize = 64;

/// Codec configurations and metadata kept for preambles, in bytes together. Whatever goes beyond reaches only those who
/// are there when it comes.
pub const PREAMBLE_BYTES: usize = 64 * 1024;

/// The longest configuration that is put into a keyframe or made of one, or gathered of parameter sets that come one by one. Encoders
/// have two of less than 100 bytes each.
pub const PARAMETER_SETS_BYTES: usize = 4_096;

/// Units of a keyframe that are looked at for parameter sets, and video tracks of a publication that are put into normal form.
/// Encoders send the sets first, and a handful of tracks.
pub const PARAMETER_SETS: usize = 64;
/// See [`PARAMETER_SETS`].
pub const NORMAL_FORM_TRACKS: usize = 8;

/// Tracks of a publication that are described to its operator. Encoders send a handful.
pub const DESCRIBED_TRACKS: usize = 16;

/// Time between two descriptions of one track. An encoder that changes its mind more often is told of by the last.
pub const DESCRIPTION_TIME: Duration = Duration::from_secs(1);

/// Bytes of one parameter set that are read for what it says of its pictures. One with scaling lists has less than 2 KiB.
pub const PARAMETER_SET_BYTES: usize = 4_096;

/// Entries that are remembered when they are off a tape, since they were no frames: ends, splices, and what a crossing had lost, so
/// that whoever is further behind is told the right number. A crossing that is full several times within one tape has fewer.
pub const TAPE_LOSSES: usize = 32;

/// Frames that a tape keeps beyond what is needed before it looks at all playheads for what may go.
pub const TAPE_SLACK_FRAMES: u64 = 32;

/// Longest time for which messages are gathered before they go to the players together: what other servers do by default.
pub const COALESCE_TIME: Duration = Duration::from_millis(350);

/// Bytes of one delivery that are put side by side for a crowd of players, beside its tape: 350 ms at 20 Mbit/s. What goes
/// beyond is sent frame by frame.
pub const BUNDLE_BYTES: usize = 1024 * 1024;

/// Memory that may be under way from one loop to another, and was not taken there, for each loop that wants a stream and for each
/// publication that crosses inwards; what one read brings may go beyond it. Twice what a stream of 16 Mbit/s sends in a second, so
/// that a loop that is busy for so long loses nothing.
pub const CROSSING_BYTES: usize = 4 * 1024 * 1024;

/// Frames taken from a tape under one lock.
pub const READ_BATCH: usize = 32;

/// Length of a stream's own timeline: an hour below 2³¹ ms, where mpegts.js and flv.js stand still for good. Players are
/// then sent away to join anew.
pub const TIMELINE_TIME: Duration = Duration::from_millis(0x8000_0000 - 3_600_000);

/// Stream time without a keyframe after which none is waited for any more: the encoder refreshes its picture bit by bit
/// (intra refresh). Ordinary encoders send one every few seconds; FFmpeg's longest default is ten.
pub const KEYFRAME_TIME: Duration = Duration::from_secs(60);

/// How far ahead of its stream a frame may be before its publisher's clock is taken for another one, and the timeline goes on
/// one frame after the last. Some encoders send a single wild stamp.
pub const CLOCK_AHEAD_MILLIS: u64 = 10_000;

/// The same for a frame behind its stream. Audio and video interleaved by a careless muxer stay within it; so does the lag
/// that is tolerated in a player.
pub const CLOCK_BACK_MILLIS: u64 = 3_000;

/// How far a track may go back to the first second of its clock and still be in disorder: one that restarts and a clip that is
/// looped count from 0 again. And how long it may stand still for that.
pub const TRACK_BACK_MILLIS: u64 = 500;

/// A leap that nobody means, also where leaps are taken as they come: a day.
pub const CLOCK_LEAP_MILLIS: u64 = 86_400_000;

/// How far ahead of its stream a frame may be by a clock of which only one frame has been yet: that one may have been wild.
pub const CLOCK_NEAR_MILLIS: u64 = 1_000;

/// A clock that has gone back to before this has begun anew.
pub const CLOCK_RESTART_MILLIS: u32 = 1_000;

/// Clocks of one publisher that are remembered: one of each of two tracks, one that was left lately, and a wild stamp.
pub const TIMELINE_CLOCKS: usize = 4;

/// Tracks of one publisher that are kept from going back. OBS sends up to six of audio and, at most, as many of video.
pub const TIMELINE_TRACKS: usize = 16;

/// Leaps of a track in a row before its clock may be taken for one of microseconds.
pub const RACE_LEAPS: u32 = 4;

/// How many times as fast as time such a clock runs, which is a thousand, by what comes in jerks through a network.
pub const RACE_PACE: RangeInclusive<u64> = 500..=2_000;

/// A clock that was taken for one of microseconds and has run for so long a tenth of what it should is one of milliseconds.
pub const RACE_DOUBT_TIME: Duration = Duration::from_secs(3);

/// Shortest time between two looks whether anybody still waits for a publisher that did not return.
pub const GRACE_LOOK_TIME: Duration = Duration::from_secs(1);

/// How long a publisher that goes on with a stream of pictures may take to show a keyframe, from its first audio or picture on.
/// Then whatever comes is taken: it may have lost its camera.
pub const RETURN_TIME: Duration = Duration::from_secs(5);

/// How long a publisher may send nothing before its connection counts as dead where another one wants its place, or stands by. An
/// encoder that lives sends sound or pictures many times a second; a phone that changes its network pauses for a second or two.
pub const PUBLISHER_SILENCE: Duration = Duration::from_secs(3);

/// How often a publisher looks whether another one has taken its place.
pub const SUCCESSOR_LOOK_TIME: Duration = Duration::from_secs(1);

/// Distance between the last frame of one publication and the first of the next, on a stream that goes on: one
/// frame at 25 per second.
pub const RESUME_MILLIS: u32 = 40;

// --- Observer ---------------------------------------------------------------------------------------------
//
// An observer keeps for each direction what a reader of chunks does, one packet of each handshake, and the bytes that it has
// not understood yet. Observations wait as events do: at most one for each byte of a call's input and of what was held, and some
// hundred bytes each.

/// Bytes that are not understood yet, for each direction, and how far from a place an observer looks for what would bear it
/// out: a keyframe of 4K video in one chunk has less. Beyond that, a place is tried by what is nearer.
pub const OBSERVER_AHEAD_BYTES: usize = 1024 * 1024;

/// Observations for which there is room while none waits. Calls with some packets bring fewer; more room, which one call may have
/// needed, is given back.
pub const OBSERVATIONS_IDLE: usize = 64;

/// How far behind a handshake without a digest is looked for what would speak against it: some messages of audio.
pub const OBSERVER_BEHIND_HANDSHAKE_BYTES: usize = 2_048;

/// Chunk headers that are looked at, one behind the other, to try one place. Two or three decide, but where one message is
/// continued from chunk to chunk.
pub const OBSERVER_STEPS: usize = 8;

/// Headers that continue a message, after which a chunk size is believed: 16 bytes are not where they should be by chance.
pub const OBSERVER_CONTINUATIONS: usize = 16;

/// Places at which one more byte buys a look for the end of a chunk whose size nobody announced, in messages that begin
/// plausibly. Others are tried by the usual sizes alone, so that work stays in proportion to the input.
pub const OBSERVER_SIZE_LOOKS_PER_BYTE: usize = 2;

/// Such looks that are there from the beginning: enough for the first place, wherever that is.
pub const OBSERVER_SIZE_LOOKS_FIRST: usize = OBSERVER_AHEAD_BYTES;

/// Such looks that can be saved: what an hour of recording earns is not to be spent within a second of it.
pub const OBSERVER_SIZE_LOOKS_MAX: usize = 4 * OBSERVER_AHEAD_BYTES;

// --- Server -----------------------------------------------------------------------------------------------

/// Connections at once, where the system allows as many.
pub const CONNECTIONS: usize = 65_536;

/// Before a server that could not accept for want of file descriptors or memory tries again: short beside a handshake, long
/// beside the attempt.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
