//! Watched: one TCP connection, until it is known what it carries, and then as long as that can be read.
//!
//! Nothing is told of it before it is recognised; then it gets a number, and what was held is told first.
//!
//! Invariants: what is held before is bounded by [`HELD`] observations and, for bytes that mean nothing, by
//! [`UNRECOGNISED_BYTES`]; the times of segments by [`ARRIVALS`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::capture::{DirectionTally, Ending, Side};
use bytes::Bytes;
use sol_tokio::sol_core::message::Message;
use sol_tokio::sol_core::observer::{Foreign, Observation, Observed, Observer, Party};
use sol_tokio::sol_core::session::PeerEnd;

use super::desk::{Desk, LeftOut};
use super::note::{count_of, index, name_of, say, size_of, time_of};
use super::roles::{Roles, is_likely};
use super::serving::Serving;
use super::story::Story;
use super::totals::Totals;
use super::words::protocol_of;

#[derive(Debug)]
pub(super) struct Watched {
    ends: [SocketAddr; 2],
    is_from_middle: bool,
    opened_at: Duration,
    roles: Roles,
    /// Who is who to the observer, which keeps what it was told first.
    observed_roles: Roles,
    observer: Box<Observer>,
    serving: Option<Box<Serving>>,
    arrivals: [Arrivals; 2],
    held: Vec<(Duration, Observation)>,
    bytes: u64,
    is_searched: bool,
    recognised: Recognised,
    /// Quirks that were told, by side and name.
    quirks: Vec<(Side, &'static str)>,
    finished: Vec<Side>,
    latest: Duration,
}

/// What a connection carries, as far as that is known.
#[derive(Debug)]
enum Recognised {
    /// As what is not known yet.
    NotYet,
    /// As something whose story is told.
    As(Box<Story>),
    /// As something else, or not at all: it is left out.
    Not(LeftOut),
}

/// When the bytes of one side came.
#[derive(Debug, Default)]
struct Arrivals {
    /// Positions behind each segment.
    recent: VecDeque<(u64, Duration)>,
    position: u64,
    /// When a handshake would be whole.
    handshake: Option<Duration>,
}

impl Watched {
    /// Its client is served once more, if that is wanted and its beginning is recorded.
    pub(super) fn new(ends: [SocketAddr; 2], opener: Option<Side>, at: Duration, is_served: bool) -> Watched {
        let roles = Roles::of(ends, opener);
        Watched {
            serving: opener.filter(|_| is_served).map(|_| Box::new(Serving::new(at))),
            ends,
            is_from_middle: opener.is_none(),
            opened_at: at,
            roles,
            observed_roles: roles,
            observer: Box::new(Observer::new()),
            arrivals: Default::default(),
            held: Vec::new(),
            bytes: 0,
            is_searched: false,
            recognised: Recognised::NotYet,
            quirks: Vec::new(),
            finished: Vec::new(),
            latest: at,
        }
    }

    /// One side sent bytes.
    pub(super) fn handle_bytes(&mut self, side: Side, bytes: &Bytes, at: Duration, desk: &mut Desk) {
        let party = self.roles.party_of(side);
        self.pass(at, desk);
        if let Recognised::Not(_) = self.recognised {
            return;
        }
        if self.bytes == 0 && !self.is_from_middle && !may_begin(bytes[0]) {
            // From its beginning it would be known.
            self.recognised = Recognised::Not(LeftOut::Unknown);
            return;
        }
        self.bytes += bytes.len() as u64;
        self.arrivals[side.index()].note(bytes.len() as u64, at);
        self.observer.handle_bytes(self.observed_roles.party_of(side), bytes);
        self.observe(desk);
        if let (Party::Client, Some(serving)) = (party, &mut self.serving) {
            serving.handle_bytes(bytes, at);
        }
        self.search(desk);
    }

    /// Goes on searching for RTMP only for so long, and in no more than so many connections.
    fn search(&mut self, desk: &mut Desk) {
        let is_searching = matches!(self.recognised, Recognised::NotYet);
        if is_searching && self.bytes > SEARCH_BYTES && !self.is_searched {
            self.is_searched = desk.begin_search();
        }
        let is_too_much = self.bytes > UNRECOGNISED_BYTES || (self.bytes > SEARCH_BYTES && !self.is_searched);
        if is_searching && is_too_much {
            self.recognised = Recognised::Not(LeftOut::Unknown);
            self.held = Vec::new();
            *self.observer = Observer::new();
        }
        if self.is_searched && !matches!(self.recognised, Recognised::NotYet) {
            self.is_searched = false;
            desk.end_search();
        }
    }

    /// Bytes of one side are not in the capture.
    pub(super) fn handle_missing(&mut self, side: Side, count: u64, at: Duration, desk: &mut Desk) {
        self.pass(at, desk);
        if let Recognised::Not(_) = self.recognised {
            return;
        }
        self.is_from_middle |= self.bytes == 0;
        self.arrivals[side.index()].note(count, at);
        let party = self.roles.party_of(side);
        if let Some(serving) = &mut self.serving {
            serving.handle_missing(party);
        }
        self.observer.handle_missing(self.observed_roles.party_of(side), count);
        self.observe(desk);
    }

    /// One side has sent all that it had to send.
    pub(super) fn handle_finished(&mut self, side: Side, at: Duration, desk: &mut Desk) {
        self.finished.push(side);
        if let Recognised::Not(_) = self.recognised {
            return;
        }
        self.observer.handle_end(self.observed_roles.party_of(side));
        self.observe(desk);
        let party = self.roles.party_of(side);
        if let (Party::Client, Some(serving)) = (party, &mut self.serving) {
            serving.handle_end(PeerEnd::Finished, at);
        }
        if let Recognised::As(story) = &self.recognised {
            let words = if self.finished.len() > 1 {
                format!("the {} closes it as well (FIN)", name_of(party))
            } else {
                format!("the {} closes the connection (FIN)", name_of(party))
            };
            desk.notes.push(say("finished", words).at(at, story.totals.number, Some(party)));
        }
    }

    /// It is over.
    pub(super) fn handle_closed(
        mut self,
        how: Ending,
        tallies: [DirectionTally; 2],
        at: Duration,
        desk: &mut Desk,
    ) {
        if std::mem::take(&mut self.is_searched) {
            desk.end_search();
        }
        for party in [Party::Client, Party::Server] {
            self.observer.handle_end(party);
        }
        if !matches!(self.recognised, Recognised::Not(_)) {
            self.observe(desk);
        }
        match self.recognised {
            Recognised::Not(what) => desk.left_out.count(what),
            Recognised::NotYet if self.bytes == 0 => {
                let server = self.ends[self.roles.side_of(Party::Server).index()];
                if is_likely(server.port()) || desk.rtmp_servers.contains(&server) {
                    let is_refused =
                        matches!(how, Ending::Reset { by } if self.roles.party_of(by) == Party::Server);
                    let what = if is_refused { LeftOut::Refused } else { LeftOut::Silent };
                    desk.left_out.count(what);
                } else {
                    desk.left_out.count(LeftOut::Empty);
                }
            }
            Recognised::NotYet => desk.left_out.count(LeftOut::Unknown),
            Recognised::As(mut story) => {
                story.end(at, &mut desk.telling());
                let first = match how {
                    Ending::Finished { first } => Some(first),
                    _ => self.finished.first().copied(),
                };
                let first = first.map(|side| (self.roles.party_of(side), true));
                let reset = match how {
                    Ending::Reset { by } => Some((self.roles.party_of(by), false)),
                    _ => None,
                };
                let (word, mut words) = ending_of(how, first.or(reset), reset.map(|(by, _)| by));
                let from_server = tallies[self.roles.side_of(Party::Server).index()];
                for reason in story.reasons(from_server.bytes > 0 && from_server.missing == 0) {
                    words.push_str("; ");
                    words.push_str(&reason);
                }
                let lasted = at.saturating_sub(self.opened_at);
                let [client, server] = [Party::Client, Party::Server].map(|party| self.roles.side_of(party));
                let sent = |side: Side| size_of(tallies[side.index()].bytes);
                let words = format!(
                    "{words}; it lasted {}, with {} from the client and {} from the server",
                    time_of(lasted),
                    sent(client),
                    sent(server)
                );
                let contradictions: u64 = tallies.iter().map(|tally| tally.contradictions).sum();
                if contradictions > 0 {
                    let count = count_of(contradictions, "TCP segment", "TCP segments");
                    let words = format!("{count} came again with other bytes; the first were taken");
                    let said = say("contradictions", words).with("segments", contradictions);
                    desk.notes.push(said.at(at, story.totals.number, None));
                }
                let said = say("closed", words)
                    .with("how", word)
                    .with_seconds("seconds", lasted)
                    .with("bytes_from_client", tallies[client.index()].bytes)
                    .with("bytes_from_server", tallies[server.index()].bytes)
                    .with("repeated_bytes", tallies.iter().map(|tally| tally.repeated).sum::<u64>());
                desk.notes.push(said.at(at, story.totals.number, None));
                if let Some(mut serving) = self.serving {
                    if matches!(how, Ending::Reset { by } if self.roles.party_of(by) == Party::Client) {
                        serving.handle_end(PeerEnd::Reset, at);
                    }
                    desk.notes.extend(
                        serving
                            .said(from_server.bytes > 0)
                            .into_iter()
                            .map(|said| said.at(at, story.totals.number, None)),
                    );
                }
                for party in [Party::Client, Party::Server] {
                    for (quirk, count) in self.observer.quirks(party).seen() {
                        *story.totals.quirks.entry(quirk.name()).or_default() += u64::from(count);
                    }
                }
                for party in [Party::Client, Party::Server] {
                    let tally = tallies[self.roles.side_of(party).index()];
                    story.totals.of(party).bytes = tally.bytes;
                    story.totals.of(party).missing = tally.missing;
                }
                story.totals.closed = word;
                story.totals.lasted = lasted;
                desk.close(story.totals);
            }
        }
    }

    /// Tells of a silence that ends here.
    fn pass(&mut self, at: Duration, desk: &mut Desk) {
        let silence = at.saturating_sub(std::mem::replace(&mut self.latest, at));
        if let Recognised::As(story) = &self.recognised
            && silence >= SILENCE
        {
            let words = format!("silence of {} on both sides", time_of(silence));
            let said = say("silence", words).with_seconds("seconds", silence);
            desk.notes.push(said.at(at, story.totals.number, None));
        }
    }

    /// Takes what the observer has seen.
    fn observe(&mut self, desk: &mut Desk) {
        let mut latest = [self.latest; 2];
        while let Some(observation) = self.observer.poll() {
            let observed = observation.from;
            let side = self.observed_roles.side_of(observation.from);
            let arrivals = &mut self.arrivals[side.index()];
            let at = match observation.what {
                // It waits for what it is judged by.
                Observed::SecondPacket(_) => arrivals.handshake,
                _ => arrivals.time_of(observation.at),
            };
            let at = at.unwrap_or(self.latest);
            latest[index(observed)] = at;
            match &self.recognised {
                Recognised::As(_) => self.tell(at, observation, desk),
                Recognised::Not(_) => {}
                Recognised::NotYet => {
                    let recognised = self.recognise(&observation, desk);
                    self.held.push((at, observation));
                    match recognised {
                        Some(Ok(protocol)) => self.begin(protocol, desk),
                        Some(Err(what)) => self.recognised = Recognised::Not(what),
                        None if self.held.len() > HELD => {
                            self.recognised = Recognised::Not(LeftOut::Unknown);
                        }
                        None => {}
                    }
                }
            }
        }
        self.tell_quirks(latest, desk);
    }

    /// Tells of departures from the specification that were met first in the bytes that came last.
    fn tell_quirks(&mut self, at: [Duration; 2], desk: &mut Desk) {
        let Recognised::As(story) = &self.recognised else { return };
        for observed in [Party::Client, Party::Server] {
            let side = self.observed_roles.side_of(observed);
            for (quirk, _) in self.observer.quirks(observed).seen() {
                if !self.quirks.contains(&(side, quirk.name())) {
                    self.quirks.push((side, quirk.name()));
                    let from = self.roles.party_of(side);
                    story.quirk(quirk.name(), from, at[index(observed)], &mut desk.telling());
                }
            }
        }
    }

    /// What an observation shows the connection to be: something to be told of, or to be left out.
    fn recognise(&self, observation: &Observation, desk: &Desk) -> Option<Result<&'static str, LeftOut>> {
        let server = self.ends[self.roles.side_of(Party::Server).index()];
        match &observation.what {
            Observed::FirstPacket(_) | Observed::Message(_) | Observed::Footing { .. } => Some(Ok("rtmp")),
            Observed::Foreign(foreign) if observation.from == Party::Client => Some(match foreign {
                Foreign::Rtmpe { .. } | Foreign::Rtmpt => Ok(protocol_of(foreign)),
                Foreign::Tls if is_likely(server.port()) || desk.rtmp_servers.contains(&server) => {
                    Ok(protocol_of(foreign))
                }
                Foreign::Tls => Err(LeftOut::Tls),
                Foreign::Http => Err(LeftOut::Http),
                Foreign::Unknown { .. } => Err(LeftOut::Unknown),
            }),
            _ => None,
        }
    }

    /// It is recognised: tells of its beginning, and of what was held.
    fn begin(&mut self, protocol: &'static str, desk: &mut Desk) {
        let [client, server] =
            [Party::Client, Party::Server].map(|party| self.ends[self.roles.side_of(party).index()]);
        let mut totals = Totals::new(desk.number(server), client, server);
        totals.protocol = protocol;
        let words = if self.is_from_middle {
            format!("{client} and {server}, which were connected before the recording begins")
        } else {
            format!("{client} connects to {server}")
        };
        let said = say("opened", words)
            .with("client", client.to_string())
            .with("server", server.to_string())
            .with("protocol", protocol)
            .with("from_the_middle", self.is_from_middle);
        desk.notes.push(said.at(self.opened_at, totals.number, None));
        self.recognised = Recognised::As(Box::new(Story::new(totals, desk.tells_all)));
        for (at, observation) in std::mem::take(&mut self.held) {
            self.tell(at, observation, desk);
        }
    }

    /// Tells of one observation.
    fn tell(&mut self, at: Duration, observation: Observation, desk: &mut Desk) {
        let Recognised::As(story) = &mut self.recognised else { return };
        let Observation { from: observed, what, .. } = observation;
        let side = self.observed_roles.side_of(observed);
        let mut from = self.roles.party_of(side);
        if let Observed::Message(message) = &what
            && let Message::Command(command) = &message.meaning
            && self.roles.hear(from, &command.name)
        {
            story.exchange();
            let words =
                format!("it is the {} that says {}: the roles are exchanged", name_of(from), command.name);
            desk.notes.push(say("roles", words).at(at, story.totals.number, None));
            from = from.other();
        }
        if let (Observed::Message(message), Some(serving)) = (&what, &mut self.serving) {
            serving.hear(from, &message.meaning);
        }
        story.observe(from, at, what, &mut desk.telling());
    }
}

impl Arrivals {
    fn note(&mut self, count: u64, at: Duration) {
        self.position += count;
        if self.position >= HANDSHAKE_BYTES {
            self.handshake.get_or_insert(at);
        }
        if self.recent.len() == ARRIVALS {
            self.recent.pop_front();
        }
        self.recent.push_back((self.position, at));
    }

    /// When the byte before a position came. Positions are asked for in their order.
    fn time_of(&mut self, position: u64) -> Option<Duration> {
        while self.recent.front().is_some_and(|(end, _)| *end < position) {
            self.recent.pop_front();
        }
        self.recent.front().map(|(_, at)| *at)
    }
}

/// A stable word for how a connection ended, and others.
fn ending_of(how: Ending, first: Option<(Party, bool)>, reset: Option<Party>) -> (&'static str, String) {
    let word = match (how, first) {
        (_, Some((Party::Client, true))) => "client-finished",
        (_, Some((Party::Server, true))) => "server-finished",
        (_, Some((Party::Client, false))) => "client-reset",
        (_, Some((Party::Server, false))) => "server-reset",
        (Ending::PortsReused, None) => "ports-reused",
        (Ending::CrowdedOut, None) => "not-followed",
        (_, None) => "capture-ended",
    };
    let words = match (how, reset) {
        (_, Some(by)) => match first {
            Some((first, true)) => {
                format!(
                    "closed, by the {} first; the {} resets what is left (RST)",
                    name_of(first),
                    name_of(by)
                )
            }
            _ => format!("closed: the {} resets it (RST)", name_of(by)),
        },
        (Ending::PortsReused, _) => "closed: its ports are used for another connection".to_owned(),
        (Ending::CrowdedOut, _) => "not followed any further: too many others are open".to_owned(),
        (Ending::EndOfCapture, _) => "the recording ends before it is closed".to_owned(),
        _ => match first {
            Some((by, _)) => format!("closed, by the {} first", name_of(by)),
            None => "closed".to_owned(),
        },
    };
    (word, words)
}

/// Whether anything that is told of begins with this byte: a handshake of RTMP or RTMPE, TLS, or the verb of a request.
fn may_begin(first: u8) -> bool {
    matches!(first, 3 | 6 | 8 | 9 | 0x16) || first.is_ascii_uppercase()
}

/// Observations that are held before a connection is recognised: there are few before a handshake or a footing.
const HELD: usize = 64;

/// Of a connection that is seen from the middle: a keyframe may be on its way, and be longer than this only where nobody
/// has a network for it.
const UNRECOGNISED_BYTES: u64 = 4 * 1024 * 1024;

/// C0, C1 and C2, or the server's.
const HANDSHAKE_BYTES: u64 = 1 + 2 * 1_536;

/// Bytes within which a connection that begins with a handshake is recognised, with room to spare.
const SEARCH_BYTES: u64 = 64 * 1024;

/// Segments that an observation may be behind: an observer looks ahead for a megabyte.
const ARRIVALS: usize = 4_096;

/// Silence on both sides that is told. Pings come more often, with most servers.
const SILENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
