//! Action Message Format, the encoding of commands and metadata: AMF0 and, inside it, AMF3.
//!
//! RTMP commands are AMF0 sequences. A single value may be AMF3: marker `0x11` says so (AMF0, 3.1). That is
//! how Flash sends objects with `objectEncoding` 3, and how OBS packs the frames of its second audio track.
//!
//! Invariants: a reader never panics, whatever the bytes. It does work and takes memory in proportion to the
//! bytes that arrived, never to the counts that they declare; it nests no deeper than `limits::AMF_DEPTH` and
//! returns no more than `limits::AMF_VALUES` values. A writer writes by the book.

pub mod amf0;
pub mod amf3;
mod display;
mod input;
mod value;

#[cfg(test)]
mod samples;

pub use input::Tolerated;
pub use value::{Date, Properties, Value};

/// The peer broke a rule of AMF. Every variant is one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// The message ends inside a value.
    #[error("a value needs {needed} more bytes, but only {left} are left")]
    Truncated {
        /// Bytes that the next part of the value takes.
        needed: usize,
        /// Bytes left in the message.
        left: usize,
    },
    /// Containers are nested too deep.
    #[error("values are nested more than {limit} deep")]
    TooDeep {
        /// The depth that is allowed, `limits::AMF_DEPTH`.
        limit: usize,
    },
    /// The message has too many values.
    #[error("message has more than {limit} values")]
    TooManyValues {
        /// The number that is allowed, `limits::AMF_VALUES`.
        limit: usize,
    },
    /// AMF0 reserves movie clips (4) and record sets (14) and does not define their content (AMF0, 2.6,
    /// 2.16).
    #[error("AMF0 marker {0:#04x} is reserved")]
    ReservedMarker(u8),
    /// AMF0 has no such marker.
    #[error("{0:#04x} is no AMF0 marker")]
    UnknownMarker(u8),
    /// The end marker of an object stands where a value belongs.
    #[error("end of an object where a value belongs")]
    StrayObjectEnd,
    /// An AMF0 reference names an object that has not begun (AMF0, 2.9).
    #[error("reference to object {index}, but only {begun} have begun")]
    DanglingReference {
        /// The object referred to, counted from 0.
        index: u16,
        /// Objects and arrays that have begun.
        begun: usize,
    },
    /// AMF3 has no such marker.
    #[error("{0:#04x} is no AMF3 marker")]
    UnknownAmf3Marker(u8),
    /// An AMF3 reference names a string that was not sent (AMF3, 2.2).
    #[error("reference to AMF3 string {index}, but only {known} are known")]
    DanglingAmf3String {
        /// The string referred to, counted from 0.
        index: usize,
        /// Strings sent before.
        known: usize,
    },
    /// An AMF3 reference names an object that has not begun (AMF3, 2.2).
    #[error("reference to AMF3 object {index}, but only {begun} have begun")]
    DanglingAmf3Object {
        /// The object referred to, counted from 0.
        index: usize,
        /// Objects of any kind that have begun.
        begun: usize,
    },
    /// An AMF3 reference names traits that were not sent (AMF3, 2.2).
    #[error("reference to AMF3 traits {index}, but only {known} are known")]
    DanglingAmf3Traits {
        /// The traits referred to, counted from 0.
        index: usize,
        /// Traits sent before.
        known: usize,
    },
    /// An AMF3 object is written by its class in a form of its own, which only that class can read (AMF3,
    /// 3.12).
    #[error("AMF3 class {class:?} has a form of its own")]
    Externalizable {
        /// The class, cut to 64 characters.
        class: String,
    },
}
