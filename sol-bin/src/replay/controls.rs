//! Controls: what the two sides say of their connection, and how fast pings come back.

use std::time::Duration;

use sol_tokio::sol_core::message::{Control, UserControl};
use sol_tokio::sol_core::observer::Party;

use super::note::{Said, bytes_of, count_of, grouped, index, say, time_of};
use super::words::limit_name;

#[derive(Debug, Default)]
pub(super) struct Controls {
    /// Those that may yet be answered: who asked, with which time, and when.
    pings: Vec<(Party, u32, Duration)>,
    has_acknowledged: [bool; 2],
    has_pinged: [bool; 2],
    pongs: Option<Pongs>,
    /// Pongs for no ping that was seen.
    unasked: [u64; 2],
}

/// Pings that came back.
#[derive(Debug)]
struct Pongs {
    from: Party,
    count: u64,
    least: Duration,
    most: Duration,
}

impl Controls {
    /// What a control message says. Acknowledgements come all the time.
    pub(super) fn control(&mut self, from: Party, control: Control, tells_all: bool) -> Option<Said> {
        Some(match control {
            Control::SetChunkSize(bytes) => {
                say("chunk-size", format!("chunk size {}", grouped(bytes.into()))).with("bytes", bytes)
            }
            Control::Abort(chunk_stream) => {
                say("abort", format!("abort of the message on chunk stream {chunk_stream}"))
                    .with("chunk_stream", chunk_stream)
            }
            Control::Acknowledgement(bytes) => {
                let is_first = !std::mem::replace(&mut self.has_acknowledged[index(from)], true);
                if !is_first && !tells_all {
                    return None;
                }
                let first = if is_first { "first acknowledgement" } else { "acknowledgement" };
                say("acknowledgement", format!("{first}, of {}", bytes_of(bytes.into()))).with("bytes", bytes)
            }
            Control::WindowAcknowledgementSize(bytes) => {
                say("window", format!("window acknowledgement size {}", grouped(bytes.into())))
                    .with("bytes", bytes)
            }
            Control::SetPeerBandwidth { window, limit } => {
                let limit = limit_name(limit);
                say("bandwidth", format!("set peer bandwidth {}, {limit}", grouped(window.into())))
                    .with("bytes", window)
                    .with("limit", limit)
            }
        })
    }

    /// What a user control message says. Pings come all the time.
    pub(super) fn user_control(
        &mut self,
        from: Party,
        at: Duration,
        event: &UserControl,
        tells_all: bool,
    ) -> Option<Said> {
        let named = |name: &str, words: String| say("user-control", words).with("name", name);
        Some(match event {
            UserControl::StreamBegin(stream) => {
                named("StreamBegin", format!("StreamBegin {stream}")).with("stream", stream.get())
            }
            UserControl::StreamEof(stream) => {
                named("StreamEof", format!("StreamEOF {stream}: it is over")).with("stream", stream.get())
            }
            UserControl::StreamDry(stream) => {
                named("StreamDry", format!("StreamDry {stream}: nothing comes")).with("stream", stream.get())
            }
            UserControl::SetBufferLength { stream, length } => named(
                "SetBufferLength",
                format!("SetBufferLength of stream {stream}: {} ms", grouped(length.as_millis() as u64)),
            )
            .with("stream", stream.get())
            .with("millis", length.as_millis() as u64),
            UserControl::StreamIsRecorded(stream) => {
                named("StreamIsRecorded", format!("StreamIsRecorded {stream}")).with("stream", stream.get())
            }
            UserControl::PingRequest(time) => {
                if self.pings.len() == PINGS {
                    self.pings.remove(0);
                }
                self.pings.push((from, time.millis(), at));
                let is_first = !std::mem::replace(&mut self.has_pinged[index(from)], true);
                if !is_first && !tells_all {
                    return None;
                }
                named("PingRequest", format!("ping {}", time.millis())).with("time", time.millis())
            }
            UserControl::PingResponse(time) => {
                let is_its = |(by, asked, _): &(Party, u32, _)| *by != from && *asked == time.millis();
                let index = self.pings.iter().position(is_its);
                let took = index.map(|index| at.saturating_sub(self.pings.remove(index).2));
                let is_first = self.pongs.is_none();
                if let Some(took) = took {
                    let pongs = self.pongs.get_or_insert(Pongs { from, count: 0, least: took, most: took });
                    pongs.count += 1;
                    pongs.least = pongs.least.min(took);
                    pongs.most = pongs.most.max(took);
                }
                let unasked = &mut self.unasked[super::note::index(from)];
                *unasked += u64::from(took.is_none());
                if took.is_none() && *unasked > 1 && !tells_all {
                    return None;
                }
                if !is_first && !tells_all && took.is_some_and(|took| took < SLOW_PONG) {
                    return None;
                }
                let words = match took {
                    Some(took) => format!("pong {}, after {}", time.millis(), time_of(took)),
                    None => format!("pong {}, for no ping that was seen", time.millis()),
                };
                named("PingResponse", words).with("time", time.millis()).with_seconds("seconds", took)
            }
            UserControl::Unknown { event, body } => {
                named("unknown", format!("user control event {event}, of {}", bytes_of(body.len() as u64)))
                    .with("event_type", *event)
            }
        })
    }

    /// What there is to say at the end, and of whom.
    pub(super) fn end(&mut self) -> Vec<(Party, Said)> {
        let unasked = [Party::Client, Party::Server].into_iter().filter_map(|from| {
            let more = std::mem::take(&mut self.unasked[index(from)]).saturating_sub(1);
            let words = count_of(more, "more pong", "more pongs") + ", for no ping that was seen";
            (more > 0).then(|| (from, say("pongs", words).with("count", more)))
        });
        let mut said: Vec<_> = unasked.collect();
        said.extend(self.answered());
        said
    }

    /// How fast pings came back, if there were several; and who answered them.
    fn answered(&mut self) -> Option<(Party, Said)> {
        let Pongs { from, count, least, most } = self.pongs.take().filter(|pongs| pongs.count > 1)?;
        let words = format!("{count} pings came back, after {} to {}", time_of(least), time_of(most));
        let said = say("pings", words)
            .with("count", count)
            .with_seconds("seconds_least", least)
            .with_seconds("seconds_most", most);
        Some((from, said))
    }

    /// The client turned out to be the server.
    pub(super) fn exchange(&mut self) {
        self.has_acknowledged.reverse();
        self.has_pinged.reverse();
        self.unasked.reverse();
        for (from, ..) in &mut self.pings {
            *from = from.other();
        }
        if let Some(pongs) = &mut self.pongs {
            pongs.from = pongs.from.other();
        }
    }
}

/// Pings that may yet be answered.
const PINGS: usize = 64;

/// A pong that takes longer than this is told.
const SLOW_PONG: Duration = Duration::from_secs(1);
