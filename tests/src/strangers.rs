//! Strangers: who speaks no RTMP at a real socket, or speaks it and means no good.
//!
//! The program has to close each with its reason, or at least to keep what it costs in bounds.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::filler::Filler;
use crate::peer::pattern::Pattern;
use crate::peer::script::{Player, Publisher};
use crate::peer::{ChunkSizeHabit, PeerOptions};
use crate::wire::Wire;

/// A way of being a stranger.
#[derive(Clone, Copy, Debug)]
pub struct Stranger {
    /// What it does.
    pub what: &'static str,
    /// The stable reason with which its connection ends.
    pub reason: &'static str,
    /// How it comes to that.
    pub end: StrangersEnd,
    visit: fn(TcpStream, &Visit) -> io::Result<()>,
}

/// How a stranger's connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrangersEnd {
    /// The server has seen enough.
    AtOnce,
    /// A timer of the server runs out.
    ByTimer,
    /// The stranger leaves when it has lived for [`Visit::length`].
    OfItself,
}

/// What a visit needs to know.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The server.
    pub server: SocketAddr,
    /// Told apart by it: no two publish the same name.
    pub number: usize,
    /// A stream of the app `live` that is there to be played.
    pub stream: String,
    /// How long whoever leaves by itself stays.
    pub length: Duration,
    /// How long the server may take for everybody else.
    pub patience: Duration,
}

impl Stranger {
    /// Comes, and returns when the connection is over. Gives the address that the server saw.
    ///
    /// # Errors
    /// The server does not end it in time. However it ends it is fine: the server's log says why.
    pub fn visit(&self, visit: &Visit) -> io::Result<SocketAddr> {
        let socket = TcpStream::connect(visit.server)?;
        let address = socket.local_addr()?;
        socket.set_read_timeout(Some(visit.patience))?;
        socket.set_write_timeout(Some(visit.patience))?;
        match (self.visit)(socket, visit) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                let late = format!("{}: still connected after {:?}", self.what, visit.patience);
                Err(io::Error::new(io::ErrorKind::TimedOut, late))
            }
            Ok(()) | Err(_) => Ok(address),
        }
    }
}

/// All of them.
pub const STRANGERS: &[Stranger] = &[
    at_once("random bytes", "not-rtmp", |socket, _| {
        // No version of RTMP, and not what other protocols begin with.
        say(socket, &[&[0xF1][..], &random(64 * 1024)].concat())
    }),
    at_once("random bytes behind a handshake", "chunk-protocol", |socket, _| {
        // A command of 256 bytes, so that more than the first byte is looked at.
        let header = [3, 0, 0, 0, 0, 1, 0, 20, 0, 0, 0, 0];
        say(socket, &[&HANDSHAKE[..], &header, &random(64 * 1024)].concat())
    }),
    at_once("an HTTP request", "http", |socket, _| {
        say(socket, b"GET /live/cam.flv HTTP/1.1\r\nHost: media.example\r\nAccept: */*\r\n\r\n")
    }),
    at_once("RTMPT", "http", |socket, _| {
        let open = "POST /open/1 HTTP/1.1\r\nContent-Type: application/x-fcs\r\nContent-Length: 1\r\n\r\n\0";
        say(socket, open.as_bytes())
    }),
    at_once("a TLS hello", "tls", |socket, _| {
        let record = [0x16, 3, 1, 2, 0];
        let hello = [1, 0, 1, 0xFC, 3, 3];
        say(socket, &[&record[..], &hello, &random(506)].concat())
    }),
    at_once("RTMPE", "rtmpe", |socket, _| say(socket, &[&[6][..], &random(1_536)].concat())),
    at_once("16 MiB declared before it may publish", "chunk-protocol", |socket, _| {
        let declares = [3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0, 0];
        say(socket, &[&HANDSHAKE[..], &declares].concat())
    }),
    at_once("65,000 chunk streams", "chunk-protocol", |mut socket, _| {
        socket.write_all(&HANDSHAKE)?;
        for number in 0..65_000_u16 {
            // A message of two chunks, of which the second never comes.
            let header = [&[1][..], &number.to_le_bytes(), &[0, 0, 0, 0, 0, 200, 8, 1, 0, 0, 0]].concat();
            socket.write_all(&[&header[..], &[0; 128]].concat())?;
        }
        listen(&mut socket)
    }),
    by_timer("half-open: connects and says nothing", "handshake-timeout", |mut socket, _| {
        listen(&mut socket)
    }),
    by_timer("half-open: a handshake and no more", "command-timeout", |socket, _| say(socket, &HANDSHAKE)),
    by_timer("a publisher that falls silent", "silent", |socket, visit| {
        listen(publish(socket, visit, PeerOptions::default())?.socket())
    }),
    by_timer("a publisher that declares 16 MiB and sends 1 KiB", "silent", |socket, visit| {
        listen(declare_all(publish(socket, visit, PeerOptions::default())?)?.socket())
    }),
    by_timer("a player that never reads", "stalled", |socket, visit| {
        let mut wire = Wire::over(socket, Player::new("live", &visit.stream), visit.patience)?;
        wire.decide()?;
        let began = Instant::now();
        // A reset is an error that comes without being read for.
        while wire.socket().take_error()?.is_none() {
            if began.elapsed() > visit.patience {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(TICK);
        }
        Ok(())
    }),
    of_itself(
        "a publisher that declares 16 MiB and sends a byte now and then",
        "peer-left",
        |socket, visit| {
            let mut wire = declare_all(publish(socket, visit, PeerOptions::default())?)?;
            let began = Instant::now();
            while began.elapsed() < visit.length {
                wire.socket().write_all(&[0])?;
                thread::sleep(TICK);
            }
            leave(wire)
        },
    ),
    of_itself("a publisher with chunks of one byte", "peer-left", |socket, visit| {
        let options = PeerOptions { chunk_size: ChunkSizeHabit::BeforeConnect(1), ..PeerOptions::default() };
        let mut wire = publish(socket, visit, options)?;
        let began = Instant::now();
        while began.elapsed() < visit.length {
            wire.script.advance(began.elapsed());
            wire.flush()?;
            thread::sleep(TICK);
        }
        leave(wire)
    }),
];

type VisitBy = fn(TcpStream, &Visit) -> io::Result<()>;

const fn at_once(what: &'static str, reason: &'static str, visit: VisitBy) -> Stranger {
    Stranger { what, reason, end: StrangersEnd::AtOnce, visit }
}

const fn by_timer(what: &'static str, reason: &'static str, visit: VisitBy) -> Stranger {
    Stranger { what, reason, end: StrangersEnd::ByTimer, visit }
}

const fn of_itself(what: &'static str, reason: &'static str, visit: VisitBy) -> Stranger {
    Stranger { what, reason, end: StrangersEnd::OfItself, visit }
}

/// A publisher of its own name that may publish.
fn publish(socket: TcpStream, visit: &Visit, options: PeerOptions) -> io::Result<Wire<Publisher>> {
    let name = format!("stranger{}", visit.number);
    let pattern = Pattern::new().video_kilobits(500);
    let script = Publisher::with_options("live", &name, pattern, options);
    let mut wire = Wire::over(socket, script, visit.patience)?;
    wire.decide()?;
    Ok(wire)
}

/// Begins the longest picture that there is.
fn declare_all(mut wire: Wire<Publisher>) -> io::Result<Wire<Publisher>> {
    let header = [6, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0];
    wire.script.peer_mut().send_raw_bytes(&[&header[..], &[0x27; 1_024]].concat());
    wire.flush()?;
    Ok(wire)
}

/// Says it all, and hears what comes of it.
fn say(mut socket: TcpStream, bytes: &[u8]) -> io::Result<()> {
    socket.write_all(bytes)?;
    listen(&mut socket)
}

/// Hears the server to its end, without a word: pings stay unanswered.
fn listen(socket: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    while socket.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Says that nothing more comes. A socket that is closed with input unread would be reset.
fn leave(mut wire: Wire<Publisher>) -> io::Result<()> {
    wire.socket().shutdown(Shutdown::Write)?;
    listen(wire.socket())
}

fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    Filler::new(7).fill(&mut bytes);
    bytes
}

/// C0, C1 and C2 of a client that does not look at what it gets.
const HANDSHAKE: [u8; 1 + 1_536 + 1_536] = [3; 3_073];

const TICK: Duration = Duration::from_millis(100);
