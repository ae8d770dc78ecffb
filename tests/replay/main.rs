//! Replay: every client's half of every capture is fed to the server, and every server's half to a client.
//!
//! The bytes are those of programs that nobody of this project wrote (`captures/README.md`). What
//! the core makes of them is held against tshark's truth, against the test kit's own reader, and
//! against `outcomes.txt`, where each thing that is expected of a capture has its line.
//!
//! A client's bytes are fixed, so a replay is not a dialogue: digest clients answer to another S1
//! than ours, and whoever was refused once is allowed here. Clock and entropy are constants.

mod counts;
mod golden;
mod half;
mod host;
mod media;
mod meetings;
mod middles;
mod observing;
mod outcomes;
mod playback;
mod servers;
mod side;
mod slicing;
mod transcript;
