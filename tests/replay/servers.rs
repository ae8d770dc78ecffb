//! Servers: the server's half of every capture, fed to a client that asks for the same.
//!
//! nginx-rtmp and FFmpeg in listen mode, to publishers and to players. The numbers of calls are those of the recorded
//! client, which ours may number otherwise; what comes of it has its line in `servers.txt`.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use quickcheck::QuickCheck;
use sol_core::session::{CloseReason, Event, PeerEnd, RequestKind, Session, SessionConfig, Target};
use sol_core::time::Instant;
use sol_core::url::RtmpUrl;
use sol_tests::captures::{self, Capture, ConnectionTruth, Direction};
use sol_tests::peer::message::TypeId;

use crate::outcomes::expect_table;
use crate::slicing::{CUT_LISTS, Cuts};

#[test]
fn the_outcome_at_every_server_is_the_expected_one() {
    let mut seen =
        "# What becomes of a client to which the server's half of a capture is played.\n".to_owned();
    for half in halves() {
        let outcome = half.outcome(&[half.bytes.len()]);
        let quirks = if outcome.quirks.is_empty() { "-".to_owned() } else { outcome.quirks.join(",") };
        let Outcome { granted, media, close, .. } = outcome;
        writeln!(seen, "{:40} {granted:8} {media:5} media  {close}  {quirks}", half.name)
            .expect("a string takes all");
    }
    expect_table("servers.txt", &seen);
}

#[test]
fn every_message_of_media_that_tshark_saw_a_server_send_reaches_a_player() {
    let mut players = 0;
    for half in halves().iter().filter(|half| half.kind == RequestKind::Play) {
        let Some(truth) = &half.truth else { continue };
        let told: usize = truth
            .messages
            .server
            .iter()
            .filter(|message| {
                matches!(message.name.type_id, TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0)
            })
            .map(|message| message.count)
            .sum();
        let for_flash = truth.commands.iter().filter(|said| {
            said.direction == Direction::Server
                && matches!(said.name(), Some("|RtmpSampleAccess" | "onPlayStatus"))
        });
        assert_eq!(half.outcome(&[half.bytes.len()]).media, told - for_flash.count(), "{}", half.name);
        players += usize::from(told > 0);
    }
    assert!(players > 15, "{players}");
}

#[test]
fn how_a_servers_bytes_are_cut_changes_nothing() {
    for half in halves() {
        let whole = half.outcome(&[half.bytes.len()]);
        for pieces in [vec![1], vec![7, 1_460, 3], vec![1_536]] {
            assert_eq!(half.outcome(&pieces), whole, "{} in pieces of {pieces:?}", half.name);
        }
    }
}

#[test]
fn a_servers_bytes_in_any_cut_are_as_in_one_piece() {
    fn property(cuts: Cuts) -> Result<(), String> {
        for (half, whole) in halves().iter().zip(&*IN_ONE_PIECE) {
            let cut = half.outcome(&cuts.0);
            if cut != *whole {
                return Err(format!("{}: {cut:?} and {whole:?}", half.name));
            }
        }
        Ok(())
    }
    QuickCheck::new().tests(CUT_LISTS / 3).quickcheck(property as fn(Cuts) -> Result<(), String>);
}

static IN_ONE_PIECE: LazyLock<Vec<Outcome>> =
    LazyLock::new(|| halves().iter().map(|half| half.outcome(&[half.bytes.len()])).collect());

/// What a server sent on one connection.
struct Half {
    name: String,
    bytes: Vec<u8>,
    kind: RequestKind,
    url: RtmpUrl,
    /// What tshark saw; `None` where it lost its way.
    truth: Option<ConnectionTruth>,
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    granted: &'static str,
    media: usize,
    close: String,
    quirks: Vec<String>,
}

fn halves() -> &'static [Half] {
    static HALVES: LazyLock<Vec<Half>> =
        LazyLock::new(|| captures::all().iter().flat_map(Half::all_of).collect());
    &HALVES
}

impl Half {
    /// Those of a capture that are RTMP.
    fn all_of(capture: &Capture) -> Vec<Half> {
        let Capture { stem, meta, connections, truth } = capture;
        let numbered = connections.iter().zip(&truth.connections).enumerate();
        let halves = numbered.filter(|(_, (connection, _))| connection.server.bytes.first() == Some(&3));
        halves
            .map(|(index, (connection, truth))| {
                let asked = |name| {
                    let mut sent = truth.commands.iter().filter(|said| said.direction == Direction::Client);
                    sent.any(|said| said.name() == Some(name))
                };
                let kind = if asked("publish") { RequestKind::Publish } else { RequestKind::Play };
                Half {
                    name: if index == 0 { stem.clone() } else { format!("{stem}#{}", index + 1) },
                    bytes: connection.server.bytes.clone(),
                    kind,
                    url: format!("rtmp://host/{}/{}", meta.app, meta.key)
                        .parse()
                        .expect("it has an app and a key"),
                    truth: (!meta.tshark_desync).then(|| truth.clone()),
                }
            })
            .collect()
    }

    /// What comes of it, in pieces of these sizes by turns.
    fn outcome(&self, pieces: &[usize]) -> Outcome {
        let now = Instant::EPOCH;
        let target = match self.kind {
            RequestKind::Publish => Target::publish(&self.url),
            RequestKind::Play => Target::play(&self.url),
        };
        let mut client = Session::connect(Arc::new(SessionConfig::default()), &target, [7; 32], now);
        let (mut rest, mut sizes, mut events) = (&self.bytes[..], pieces.iter().cycle(), Vec::new());
        loop {
            let mut slices = [std::io::IoSlice::new(&[]); 64];
            let count = client.outbound(&mut slices);
            let waiting = slices[..count].iter().map(|slice| slice.len()).sum();
            client.handle_sent(waiting, now);
            events.extend(std::iter::from_fn(|| client.poll_event()));
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().expect("it goes round")));
            rest = behind;
            client.handle_input(piece, now);
        }
        client.handle_end(PeerEnd::Finished, now);
        events.extend(std::iter::from_fn(|| client.poll_event()));
        let is_granted = events.iter().any(|event| matches!(event, Event::Granted(_)));
        let close = events.iter().find_map(|event| match event {
            Event::Closed { why: CloseReason::RefusedByServer(call, word), .. } => {
                Some(format!("refused-by-server {call} {}", word.code))
            }
            Event::Closed { why, .. } => Some(why.code().to_owned()),
            _ => None,
        });
        Outcome {
            granted: if is_granted { "granted" } else { "-" },
            media: events.iter().filter(|event| matches!(event, Event::Media { .. })).count(),
            close: close.expect("it ends"),
            quirks: client.quirks().seen().map(|(quirk, count)| format!("{quirk}:{count}")).collect(),
        }
    }
}
