//! Time: what becomes of a publisher's timestamps on their way through the server, and of years of them.
//!
//! A stream's own time begins at 0 and goes on, whatever the clock of its publisher does (docs/timestamps.md); no border of a
//! field or of a sign may be seen by a player, and whatever was put right is counted by its name. All this is shown through the
//! whole server, in virtual worlds and with recorded bytes.

mod borders;
mod camera;
mod captures;
mod changes;
mod repair;
mod verdict;
mod years;
