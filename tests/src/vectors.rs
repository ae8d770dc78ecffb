//! Vectors: bytes of audio and video messages and what they say, written from the specification. `vectors/README.md` has the form.
//!
//! Invariant: nothing here knows what bytes mean; that is what the vectors are for.

use crate::peer::message::TypeId;

/// Whole messages and what they say.
#[derive(Clone, Debug)]
pub struct Vector {
    /// One of its own within its file.
    pub name: &'static str,
    /// Audio or video.
    pub message: TypeId,
    /// The message.
    pub bytes: Vec<u8>,
    /// The number in the first byte of a video message.
    pub frame_type: Option<u8>,
    /// What a frame of type 5 has in place of packets.
    pub command: Option<&'static str>,
    /// The packet type; `Silence` of an empty audio message, nothing of a command.
    pub packet: Option<&'static str>,
    /// Of old audio: rate, size and type.
    pub sound: Option<[u8; 3]>,
    /// How tracks stand in it, where it is Multitrack.
    pub multitrack: Option<&'static str>,
    /// The nanosecond offset.
    pub nanos: Option<u32>,
    /// Each ModEx of another type.
    pub mod_ex: Vec<(u8, Vec<u8>)>,
    /// In their order.
    pub tracks: Vec<VectorTrack>,
}

/// What a message says of a track.
#[derive(Clone, Debug)]
pub struct VectorTrack {
    /// Which one.
    pub id: u8,
    /// A FourCC or, in the old form, a number.
    pub codec: &'static str,
    /// In milliseconds, as it holds for the body.
    pub composition: Option<i32>,
    /// Behind everything else.
    pub body: Vec<u8>,
    /// What the body of a MultichannelConfig says.
    pub channels: Option<VectorChannels>,
}

/// What the body of a MultichannelConfig says.
#[derive(Clone, Debug)]
pub struct VectorChannels {
    /// `Unspecified`, `Native` or `Custom`.
    pub order: &'static str,
    /// How many.
    pub count: u8,
    /// Speakers of `Custom`, the mask of `Native`.
    pub octets: Vec<u8>,
}

/// A message that breaks a rule or has no meaning.
#[derive(Clone, Debug)]
pub struct Oddity {
    /// What is odd, which is one of its own among audio or video messages.
    pub why: &'static str,
    /// Audio or video.
    pub message: TypeId,
    /// The message.
    pub bytes: Vec<u8>,
    /// Whether it breaks a rule; or else it has no meaning.
    pub is_malformed: bool,
    /// Whether only the body of a MultichannelConfig is odd.
    pub is_within_body: bool,
}

/// All whole messages.
pub fn vectors() -> Vec<Vector> {
    let files = [include_str!("../vectors/video.txt"), include_str!("../vectors/audio.txt")];
    files.into_iter().flat_map(blocks).map(|block| vector(&block)).collect()
}

/// All that are odd.
pub fn oddities() -> Vec<Oddity> {
    blocks(include_str!("../vectors/malformed.txt")).map(|block| oddity(&block)).collect()
}

fn vector(block: &Block) -> Vector {
    let known = |key| Some(value(block, key)).filter(|&text| text != "-");
    let mut tracks: Vec<VectorTrack> = Vec::new();
    for &(key, text) in block {
        match key {
            "track" => tracks.push(track(text)),
            "channels" => {
                let [id, order, count, written] = words(text);
                let track = tracks.last_mut().expect("channels stand behind their track");
                assert_eq!(track.id, number(id));
                track.channels =
                    Some(VectorChannels { order, count: number(count), octets: octets(written) });
            }
            _ => {}
        }
    }
    let mod_ex = block.iter().filter(|(key, _)| *key == "modex").map(|(_, text)| {
        let [kind, written] = words(text);
        (number(kind), octets(written))
    });
    Vector {
        name: value(block, "name"),
        message: message(block),
        bytes: octets(value(block, "bytes")),
        frame_type: optional(block, "frame_type").map(number),
        command: optional(block, "command"),
        packet: optional(block, "packet"),
        sound: optional(block, "sound").map(|text| words(text).map(number)),
        multitrack: known("multitrack"),
        nanos: known("nanos").map(|text| text.parse().expect("a number")),
        mod_ex: mod_ex.collect(),
        tracks,
    }
}

fn track(text: &'static str) -> VectorTrack {
    let [id, codec, cts, composition, body, written] = words(text);
    assert_eq!((cts, body), ("cts", "body"), "{text}");
    let composition = (composition != "-").then(|| composition.parse().expect("a number"));
    VectorTrack { id: number(id), codec, composition, body: octets(written), channels: None }
}

fn oddity(block: &Block) -> Oddity {
    Oddity {
        why: value(block, "why"),
        message: message(block),
        bytes: octets(value(block, "bytes")),
        is_malformed: match value(block, "outcome") {
            "malformed" => true,
            "ignored" => false,
            other => panic!("outcome {other}"),
        },
        is_within_body: block.iter().any(|(key, text)| (*key, *text) == ("within", "body")),
    }
}

/// Lines of a key and a value.
type Block = Vec<(&'static str, &'static str)>;

fn blocks(file: &'static str) -> impl Iterator<Item = Block> {
    let blocks = file.split("\n\n").map(|block| {
        let lines = block.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.split_once(' ').expect("a key and a value")).collect::<Block>()
    });
    blocks.filter(|block| !block.is_empty())
}

fn optional(block: &Block, key: &str) -> Option<&'static str> {
    block.iter().find(|(of, _)| *of == key).map(|(_, text)| *text)
}

fn value(block: &Block, key: &str) -> &'static str {
    optional(block, key).unwrap_or_else(|| panic!("no {key} in {block:?}"))
}

fn message(block: &Block) -> TypeId {
    match value(block, "message") {
        "audio" => TypeId::AUDIO,
        "video" => TypeId::VIDEO,
        other => panic!("message {other}"),
    }
}

/// So many words; the last one goes on to the end.
fn words<const N: usize>(text: &'static str) -> [&'static str; N] {
    let words: Vec<_> = text.splitn(N, ' ').collect();
    words.try_into().unwrap_or_else(|_| panic!("too few words: {text}"))
}

fn number(text: &str) -> u8 {
    text.parse().expect("a number of a byte")
}

/// Hexadecimal digits in pieces, `AB*70000` for one byte many times, `-` for nothing.
fn octets(text: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).expect("hexadecimal digits");
    let mut octets = Vec::new();
    for piece in text.split(' ').filter(|&piece| piece != "-") {
        match piece.split_once('*') {
            Some((digits, count)) => {
                octets.extend(std::iter::repeat_n(byte(digits), count.parse().expect("a number")));
            }
            None => {
                assert!(piece.len().is_multiple_of(2), "half a byte: {text}");
                octets.extend((0..piece.len()).step_by(2).map(|place| byte(&piece[place..place + 2])));
            }
        }
    }
    octets
}
