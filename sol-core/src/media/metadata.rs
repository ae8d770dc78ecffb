//! Metadata: what `onMetaData` says of a stream of several tracks, told of one of them (Enhanced RTMP v2, "Metadata Message").
//!
//! What stands at the top is of the default track. `videoTrackIdInfoMap` and `audioTrackIdInfoMap` have what is different of each
//! other one.

use crate::amf::{Properties, Value, amf0};
use crate::limits;

use super::{Codec, FourCc, TrackId};

/// The same metadata as a publisher of that one track would send it, with the ids of legacy tags where those can carry the codec;
/// `None` if it is that already, cannot be taken apart, or is longer than what later players get to see.
pub(super) fn for_one_track(payload: &[u8], track: TrackId) -> Option<Vec<u8>> {
    // Written again it may be longer, where text is no UTF-8; and each name is compared with each of the track's.
    if payload.len() > limits::PREAMBLE_BYTES {
        return None;
    }
    let values = amf0::read_all(payload).ok()?;
    let [name, said] = &values[..] else { return None };
    let theirs = said.properties()?;
    // References count the objects before them, which would be others.
    if theirs.iter().any(|(_, value)| value.refers()) {
        return None;
    }
    let mut ours = Properties::new();
    let id = track.0.to_string();
    let differs = MAPS.map(|map| theirs.get(map)?.properties()?.get(&id)?.properties());
    let differences = || differs.iter().flatten().flat_map(|track| track.iter());
    for (name, value) in theirs.iter().filter(|(name, _)| !MAPS.contains(name)) {
        if differences().all(|(different, _)| different != name) {
            ours.push(name, with_legacy_id(name, value));
        }
    }
    for (name, value) in differences() {
        ours.push(name, with_legacy_id(name, value));
    }
    if ours == *theirs {
        return None;
    }
    let said = match said {
        Value::EcmaArray(_) => Value::EcmaArray(ours),
        Value::TypedObject { class, .. } => Value::TypedObject { class: class.clone(), properties: ours },
        _ => Value::Object(ours),
    };
    Some(amf0::write_all(&[name.clone(), said]))
}

/// A codec that is named by its FourCC, as a number or as text, by the id that its legacy tags have.
fn with_legacy_id(name: &str, value: &Value) -> Value {
    let four_cc = match (name, value) {
        ("videocodecid" | "audiocodecid", Value::Number(number)) => {
            // Ids are short, and FourCCs are whole.
            (*number >= f64::from(0x0100_0000) && number.fract() == 0.0)
                .then(|| (*number as u32).to_be_bytes())
        }
        ("videocodecid" | "audiocodecid", Value::String(text)) => text.as_bytes().try_into().ok(),
        (_, _) => None,
    };
    let id = four_cc.and_then(|four_cc| Codec::of_four_cc(FourCc::new(four_cc)).legacy_id());
    id.map_or_else(|| value.clone(), |id| Value::Number(id.into()))
}

const MAPS: [&str; 2] = ["videoTrackIdInfoMap", "audioTrackIdInfoMap"];

#[cfg(test)]
mod tests {
    use super::*;

    fn told(theirs: Properties, track: u8) -> Option<Properties> {
        let payload = amf0::write_all(&["onMetaData".into(), Value::EcmaArray(theirs)]);
        let values = amf0::read_all(&for_one_track(&payload, TrackId(track))?).unwrap();
        assert_eq!(values[0].as_str(), Some("onMetaData"));
        assert!(matches!(values[1], Value::EcmaArray(_)), "what was an array stays one");
        values[1].properties().cloned()
    }

    fn of_two_tracks() -> Properties {
        let second = Properties::new()
            .with("width", 320.0)
            .with("videocodecid", f64::from(u32::from_be_bytes(*b"avc1")));
        let third = Properties::new().with("language", "de");
        Properties::new()
            .with("width", 1920.0)
            .with("framerate", 30.0)
            .with("videocodecid", f64::from(u32::from_be_bytes(*b"hvc1")))
            .with("audiocodecid", "mp4a")
            .with("videoTrackIdInfoMap", Properties::new().with("1", second))
            .with("audioTrackIdInfoMap", Properties::new().with("2", third))
    }

    #[test]
    fn the_default_track_has_what_stands_at_the_top() {
        let expected = Properties::new()
            .with("width", 1920.0)
            .with("framerate", 30.0)
            .with("videocodecid", f64::from(u32::from_be_bytes(*b"hvc1")))
            .with("audiocodecid", 10.0);
        assert_eq!(told(of_two_tracks(), 0), Some(expected));
    }

    #[test]
    fn another_track_has_what_is_different_of_it() {
        let expected = Properties::new()
            .with("framerate", 30.0)
            .with("audiocodecid", 10.0)
            .with("width", 320.0)
            .with("videocodecid", 7.0);
        assert_eq!(told(of_two_tracks(), 1), Some(expected));
        let third = told(of_two_tracks(), 2).unwrap();
        assert_eq!((third.get("language"), third.get("width")), (Some(&"de".into()), Some(&1920.0.into())));
    }

    #[test]
    fn what_is_of_one_track_already_stays_as_it_is() {
        assert_eq!(told(Properties::new().with("width", 320.0).with("videocodecid", 7.0), 0), None);
    }

    #[test]
    fn what_cannot_be_taken_apart_stays_as_it_is() {
        let maps = Properties::new().with("videoTrackIdInfoMap", 1.0);
        assert_eq!(told(maps.with("self", Value::Reference(0)), 0), None);
        let long =
            Properties::new().with("videocodecid", "avc1").with("text", " ".repeat(limits::PREAMBLE_BYTES));
        assert_eq!(told(long, 0), None);
        for payload in [&b""[..], b"\x02\x00\x0AonMetaData", b"\x02\x00\x0AonMetaData\x05", b"\xFF"] {
            assert_eq!(for_one_track(payload, TrackId(0)), None, "{payload:?}");
        }
    }
}
