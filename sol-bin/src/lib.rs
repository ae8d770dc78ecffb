//! What the program `sol` shares with its tests and fuzz targets; the program itself is `main.rs`.
//!
//! [`capture`] reads files of recorded packets and puts the TCP streams in them together. Nothing here is meant for
//! other programs: it follows what `sol` needs.

#![forbid(unsafe_code)]

pub mod capture;
