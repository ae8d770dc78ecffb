//! Capabilities: what a peer says in `connect`, or in the answer to it, of Enhanced RTMP (v2, "Enhancing NetConnection connect
//! Command").
//!
//! What is not stated is unknown, and not absent: OBS and FFmpeg state nothing, and send and take most of it.
//!
//! Invariant: what was read from a peer names no more than `limits::FOUR_CCS` codecs in each list.

use std::fmt;
use std::ops::BitOr;

use crate::amf::{Properties, Value};
use crate::limits;
use crate::media::{CodecSet, Form, FourCc, TrackId, TrackKind};

/// What one side of a connection stated of Enhanced RTMP. Prints on one line, and as nothing where nothing was stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `fourCcList`, the form of v1: codecs that are supported, whatever that means.
    pub four_ccs: Option<FourCcList>,
    /// `videoFourCcInfoMap`.
    pub video: Option<FourCcMap>,
    /// `audioFourCcInfoMap`.
    pub audio: Option<FourCcMap>,
    /// `capsEx`.
    pub extensions: Option<Extensions>,
    /// `videoFunction`. Flash knew its first bit, which FFmpeg's players send.
    pub video_functions: Option<VideoFunctions>,
}

impl Capabilities {
    /// What these objects of a command state; of two that state the same, the first counts. What has a type of its own is taken
    /// for not stated.
    pub(super) fn read<'a>(objects: impl Iterator<Item = &'a Properties> + Clone) -> Self {
        let field = |name: &'static str| objects.clone().filter_map(move |properties| properties.get(name));
        let number = |name| field(name).find_map(Value::as_number);
        let map = |name| field(name).find_map(Value::properties).map(FourCcMap::read);
        Self {
            four_ccs: field(FOUR_CC_LIST).find_map(FourCcList::read),
            video: map(VIDEO_MAP),
            audio: map(AUDIO_MAP),
            // Saturates; what is no number is 0.
            extensions: number(CAPS_EX).map(|bits| Extensions::from_bits(bits as u32)),
            video_functions: number(VIDEO_FUNCTION).map(|bits| VideoFunctions::from_bits(bits as u32)),
        }
    }

    /// These properties, and behind them what is stated here.
    #[must_use]
    pub fn behind(&self, mut properties: Properties) -> Properties {
        if let Some(functions) = self.video_functions {
            properties.push(VIDEO_FUNCTION, f64::from(functions.bits()));
        }
        if let Some(list) = &self.four_ccs {
            properties.push(FOUR_CC_LIST, list.value());
        }
        for (name, map) in [(VIDEO_MAP, &self.video), (AUDIO_MAP, &self.audio)] {
            if let Some(map) = map {
                properties.push(name, map.properties());
            }
        }
        if let Some(extensions) = self.extensions {
            properties.push(CAPS_EX, f64::from(extensions.bits()));
        }
        properties
    }

    /// Whether anything at all was stated of Enhanced RTMP. Seeking by the client is older.
    pub fn states_enhanced_rtmp(&self) -> bool {
        let Self { four_ccs, video, audio, extensions, video_functions } = self;
        let says_more_than_flash =
            |functions: &VideoFunctions| functions.bits() & !VideoFunctions::CLIENT_SEEK.bits() != 0;
        four_ccs.is_some()
            || video.is_some()
            || audio.is_some()
            || extensions.is_some()
            || video_functions.as_ref().is_some_and(says_more_than_flash)
    }

    /// Whether it says that it can decode what has this FourCC. A player that only forwards or records says no here, and yes to
    /// [`Ability::FORWARD`].
    pub fn can_decode(&self, kind: TrackKind, four_cc: FourCc) -> Stated {
        self.can(Ability::DECODE, kind, four_cc)
    }

    /// Whether it says that it can do so with what has this FourCC.
    ///
    /// A map is asked before the list of v1, which says no more than that a codec is supported, so that it is understood as
    /// decoded. Where a codec is not named by what names others, it is not supported, but for two reasons to name none: the
    /// codecs that had their numbers before there were FourCCs, and those that v1 did not know.
    pub fn can(&self, ability: Ability, kind: TrackKind, four_cc: FourCc) -> Stated {
        let map = match kind {
            TrackKind::Video => &self.video,
            TrackKind::Audio => &self.audio,
        };
        match (map, &self.four_ccs) {
            (Some(map), _) if map.get(four_cc).is_some_and(|abilities| abilities.has(ability)) => Stated::Yes,
            // What `*` says is no more than what all have in common: its own entry may have been cut off, or left out.
            (Some(map), _) if !map.names(four_cc) && (map.is_cut || LEGACY.contains(&four_cc)) => {
                Stated::Unknown
            }
            (Some(_), _) => Stated::No,
            (None, Some(list)) if ability == Ability::DECODE && list.names(four_cc) => Stated::Yes,
            (None, Some(list)) if ability == Ability::DECODE && !list.is_cut && V1.contains(&four_cc) => {
                Stated::No
            }
            (None, Some(_) | None) => Stated::Unknown,
        }
    }

    /// In which form a player gets a stream that states this, unless it asks for another: all of it where it understands several
    /// tracks and modifiers, otherwise one track, as the first version had it. `None` where nothing is stated.
    ///
    /// Where `capsEx` is stated, it decides. Where something else is and that is not, whether it understands tracks is unknown, and it
    /// gets one all the same: what is stated is mostly the `fourCcList` of the first version, which knew no tracks, and one track
    /// is what every version understands.
    pub fn form(&self) -> Option<Form> {
        let takes_all = self.extends(Extensions::MULTITRACK | Extensions::MOD_EX) == Stated::Yes;
        let form = if takes_all { Form::Full } else { Form::OneTrack(TrackId::DEFAULT) };
        self.states_enhanced_rtmp().then_some(form)
    }

    /// Codecs of which it says, by naming others, that it cannot decode them.
    pub fn untaken(&self) -> CodecSet {
        let untaken = |kind, four_ccs: [FourCc; 6]| {
            four_ccs.into_iter().filter(move |&four_cc| self.is_untaken(kind, four_cc))
        };
        let video = untaken(TrackKind::Video, FourCc::VIDEO);
        CodecSet::of(video.chain(untaken(TrackKind::Audio, FourCc::AUDIO)))
    }

    /// Whether it can neither decode it nor pass it on.
    fn is_untaken(&self, kind: TrackKind, four_cc: FourCc) -> bool {
        self.can(Ability::DECODE, kind, four_cc) == Stated::No
            && self.can(Ability::FORWARD, kind, four_cc) != Stated::Yes
    }

    /// Whether it says that it obeys a ReconnectRequest, or as a server that it may send one.
    pub fn reconnect(&self) -> Stated {
        self.extends(Extensions::RECONNECT)
    }

    /// Whether it says that it understands several tracks in one message.
    pub fn multitrack(&self) -> Stated {
        self.extends(Extensions::MULTITRACK)
    }

    /// Whether it says that it understands ModEx in front of a packet.
    pub fn mod_ex(&self) -> Stated {
        self.extends(Extensions::MOD_EX)
    }

    /// Whether it says so of these bits of `capsEx`.
    pub fn extends(&self, extensions: Extensions) -> Stated {
        self.extensions.map_or(Stated::Unknown, |stated| Stated::of(stated.has(extensions)))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { four_ccs, video, audio, extensions, video_functions } = self;
        let parts: [(&str, Option<&dyn fmt::Display>); 5] = [
            (FOUR_CC_LIST, four_ccs.as_ref().map(|list| list as _)),
            (VIDEO_MAP, video.as_ref().map(|map| map as _)),
            (AUDIO_MAP, audio.as_ref().map(|map| map as _)),
            (CAPS_EX, extensions.as_ref().map(|bits| bits as _)),
            (VIDEO_FUNCTION, video_functions.as_ref().map(|bits| bits as _)),
        ];
        let stated = parts.iter().filter_map(|(name, part)| part.map(|part| (name, part)));
        for (index, (name, part)) in stated.enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{name}={part}")?;
        }
        Ok(())
    }
}

/// What a peer said of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stated {
    /// That it can.
    Yes,
    /// That it cannot: it spoke of such things, and left this one out.
    No,
    /// Nothing, which most peers say of all things.
    Unknown,
}

impl Stated {
    fn of(truth: bool) -> Self {
        if truth { Stated::Yes } else { Stated::No }
    }
}

/// `fourCcList`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FourCcList {
    /// `*` is in it.
    any: bool,
    four_ccs: Vec<FourCc>,
    /// There were more than are kept.
    is_cut: bool,
}

impl FourCcList {
    /// Any codec: `*`.
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// These codecs.
    pub fn of(four_ccs: impl IntoIterator<Item = FourCc>) -> Self {
        Self { four_ccs: four_ccs.into_iter().collect(), ..Self::default() }
    }

    /// Whether the codec is in it.
    pub fn names(&self, four_cc: FourCc) -> bool {
        self.any || self.four_ccs.contains(&four_cc)
    }

    fn read(value: &Value) -> Option<Self> {
        let texts = match value {
            Value::StrictArray(texts) => &texts[..],
            // A list of one, by whoever did not know how to write a list.
            Value::String(_) => std::slice::from_ref(value),
            _ => return None,
        };
        let mut list = Self::default();
        for text in texts.iter().filter_map(Value::as_str) {
            list.any |= text == ANY;
            let Some(four_cc) = FourCc::of_text(text) else { continue };
            if list.four_ccs.contains(&four_cc) {
                continue;
            }
            if list.four_ccs.len() == limits::FOUR_CCS {
                list.is_cut = true;
            } else {
                list.four_ccs.push(four_cc);
            }
        }
        Some(list)
    }

    fn value(&self) -> Value {
        let any = self.any.then(|| Value::from(ANY));
        Value::StrictArray(any.into_iter().chain(self.four_ccs.iter().map(text)).collect())
    }
}

impl fmt::Display for FourCcList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = self.any.then(|| ANY.to_owned());
        let items = any.into_iter().chain(self.four_ccs.iter().map(FourCc::to_string));
        listed(f, items, self.is_cut)
    }
}

/// `videoFourCcInfoMap` or `audioFourCcInfoMap`: what can be done with which codec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FourCcMap {
    /// What `*` says.
    any: Option<Ability>,
    each: Vec<(FourCc, Ability)>,
    /// There were more than are kept.
    is_cut: bool,
}

impl FourCcMap {
    /// The same with any codec: `*`.
    pub fn any(ability: Ability) -> Self {
        Self { any: Some(ability), ..Self::default() }
    }

    /// The same with each of these codecs.
    pub fn of(four_ccs: impl IntoIterator<Item = FourCc>, ability: Ability) -> Self {
        Self::default().with(four_ccs, ability)
    }

    /// And this with these.
    #[must_use]
    pub fn with(mut self, four_ccs: impl IntoIterator<Item = FourCc>, ability: Ability) -> Self {
        self.each.extend(four_ccs.into_iter().map(|four_cc| (four_cc, ability)));
        self
    }

    /// Whether the codec is named by itself.
    pub fn names(&self, four_cc: FourCc) -> bool {
        self.each.iter().any(|(known, _)| *known == four_cc)
    }

    /// What can be done with a codec, if it is named, by itself or by `*`.
    pub fn get(&self, four_cc: FourCc) -> Option<Ability> {
        let own = self.each.iter().find(|(known, _)| *known == four_cc).map(|&(_, ability)| ability);
        // "Overrides" is the word for `*`; in the example, what it allows is allowed besides.
        match (own, self.any) {
            (Some(own), Some(any)) => Some(own | any),
            (own, any) => own.or(any),
        }
    }

    fn read(properties: &Properties) -> Self {
        let mut map = Self::default();
        for (name, value) in properties.iter() {
            let Some(bits) = value.as_number() else { continue };
            let ability = Ability::from_bits(bits as u32);
            if name == ANY {
                map.any = Some(ability);
            }
            let Some(four_cc) = FourCc::of_text(name) else { continue };
            if let Some((_, known)) = map.each.iter_mut().find(|(known, _)| *known == four_cc) {
                *known = ability;
            } else if map.each.len() == limits::FOUR_CCS {
                map.is_cut = true;
            } else {
                map.each.push((four_cc, ability));
            }
        }
        map
    }

    fn properties(&self) -> Properties {
        let mut properties = Properties::new();
        if let Some(any) = self.any {
            properties.push(ANY, f64::from(any.bits()));
        }
        for (four_cc, ability) in &self.each {
            properties.push(name(four_cc), f64::from(ability.bits()));
        }
        properties
    }
}

impl fmt::Display for FourCcMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = self.any.map(|ability| format!("{ANY}:{ability}"));
        let each = self.each.iter().map(|(four_cc, ability)| format!("{four_cc}:{ability}"));
        listed(f, any.into_iter().chain(each), self.is_cut)
    }
}

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$flag_doc:meta])* $flag:ident = $bit:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(u32);

        impl $name {
            $($(#[$flag_doc])* pub const $flag: $name = $name($bit);)*

            /// The flags of a number, also those that have no name.
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// The number.
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether all of those are set.
            pub const fn has(self, those: Self) -> bool {
                self.0 & those.0 == those.0
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let known = [$(($name::$flag, $word),)*];
                let words = known.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, word)| (*word).to_owned());
                let unknown = known.iter().fold(self.0, |bits, (flag, _)| bits & !flag.0);
                let words: Vec<String> = words.chain((unknown != 0).then(|| format!("{unknown:#x}"))).collect();
                f.write_str(if words.is_empty() { "none" } else { "" })?;
                f.write_str(&words.join("+"))
            }
        }
    };
}

flags! {
    /// What can be done with a codec (`FourCcInfoMask`).
    Ability {
        /// It can be decoded.
        DECODE = 0x01 "decode",
        /// It can be encoded.
        ENCODE = 0x02 "encode",
        /// It can be passed on.
        FORWARD = 0x04 "forward",
    }
}

flags! {
    /// `capsEx` (`CapsExMask`).
    Extensions {
        /// ReconnectRequest.
        RECONNECT = 0x01 "reconnect",
        /// Several tracks in one message.
        MULTITRACK = 0x02 "multitrack",
        /// Packets with ModEx in front.
        MOD_EX = 0x04 "modex",
        /// Nanoseconds beside the timestamp, in ModEx.
        TIMESTAMP_NANO_OFFSET = 0x08 "nanoseconds",
    }
}

flags! {
    /// `videoFunction`.
    VideoFunctions {
        /// Seeking by the client, to any frame.
        CLIENT_SEEK = 0x01 "seek",
        /// HDR, and with it `colorInfo` in video metadata.
        HDR = 0x02 "hdr",
        /// Video metadata as a packet type.
        METADATA = 0x04 "metadata",
        /// Decoding a part of a frame.
        LARGE_SCALE_TILE = 0x08 "tiles",
    }
}

fn text(four_cc: &FourCc) -> Value {
    Value::String(name(four_cc))
}

fn name(four_cc: &FourCc) -> String {
    String::from_utf8_lossy(&four_cc.get()).into_owned()
}

fn listed(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>, is_cut: bool) -> fmt::Result {
    let items: Vec<String> = items.chain(is_cut.then(|| "...".to_owned())).collect();
    f.write_str(if items.is_empty() { "none" } else { "" })?;
    f.write_str(&items.join(","))
}

const FOUR_CC_LIST: &str = "fourCcList";
const VIDEO_MAP: &str = "videoFourCcInfoMap";
const AUDIO_MAP: &str = "audioFourCcInfoMap";
const CAPS_EX: &str = "capsEx";
const VIDEO_FUNCTION: &str = "videoFunction";

/// Stands for all codecs.
const ANY: &str = "*";

/// The codecs that v1 of Enhanced RTMP has.
const V1: [FourCc; 3] = [FourCc::new(*b"av01"), FourCc::new(*b"vp09"), FourCc::new(*b"hvc1")];

/// Codecs that have a number besides, in tags as they were before Enhanced RTMP.
const LEGACY: [FourCc; 3] = [FourCc::new(*b"avc1"), FourCc::new(*b"mp4a"), FourCc::new(*b".mp3")];

#[cfg(test)]
mod tests;
