//! The claims, by subject. Each is a function of an adapter.

pub(crate) mod abrupt;
pub(crate) mod client;
pub(crate) mod crowds;
pub(crate) mod deadlines;
pub(crate) mod descriptors;
pub(crate) mod draining;
pub(crate) mod forms;
pub(crate) mod gaps;
pub(crate) mod handshake;
pub(crate) mod joining;
pub(crate) mod late_answers;
pub(crate) mod playing;
pub(crate) mod racing;
pub(crate) mod refusing;
pub(crate) mod reporting;
pub(crate) mod returning;
pub(crate) mod shutdown;
pub(crate) mod stalling;
pub(crate) mod within;
