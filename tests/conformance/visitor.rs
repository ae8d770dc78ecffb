//! Visitor: a scripted peer at a real socket, whose failures fail the claim.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use sol_tests::peer::codec::Framing;
use sol_tests::peer::message::{ChunkStream, Message, StreamId, TypeId};
use sol_tests::peer::pattern::MediaSent;
use sol_tests::peer::run::Run;
use sol_tests::peer::script::{Phase, Player, Publisher, Script};
use sol_tests::wire::Wire;

use crate::net::MINUTE;

pub(crate) struct Visitor<S> {
    /// As the server sees it.
    pub(crate) address: SocketAddr,
    wire: Wire<S>,
}

impl Visitor<Publisher> {
    /// Sends all media up to `until` of the pattern's time.
    pub(crate) fn stream(&mut self, until: Duration) {
        self.wire.script.advance(until);
        self.flush();
    }

    pub(crate) fn sent(&self) -> &[MediaSent] {
        self.wire.script.sent()
    }

    pub(crate) fn phase(&self) -> &Phase {
        self.wire.script.phase()
    }

    /// Begins a picture and leaves it at that.
    pub(crate) fn send_half_a_frame(&mut self) {
        let frame = Message {
            chunk_stream: ChunkStream::VIDEO,
            timestamp_ms: 0,
            type_id: TypeId::VIDEO,
            stream: StreamId(1),
            payload: vec![0x27; 10_000].into(),
        };
        let mut bytes = Vec::new();
        let peer = self.wire.script.peer_mut();
        peer.writer().write(&frame, Framing::FULL, &mut bytes);
        peer.send_raw_bytes(&bytes[..bytes.len() / 2]);
        self.flush();
    }

    /// Ends the stream in good order, and stays.
    pub(crate) fn finish(&mut self) {
        self.wire.script.finish();
        self.flush();
    }
}

impl Visitor<Player> {
    pub(crate) fn phase(&self) -> &Phase {
        self.wire.script.phase()
    }

    /// Reads until what was sent last has come; all of it must be one run.
    pub(crate) fn watch(&mut self, sent: &[MediaSent]) -> Run {
        self.read_on(sent);
        self.run_of(sent)
    }

    /// The same, but looks at nothing.
    pub(crate) fn read_on(&mut self, sent: &[MediaSent]) {
        let last = &sent.last().expect("something was sent").payload;
        self.run_until(|player| player.media().iter().rev().any(|media| media.payload == *last));
    }

    /// What came, as one run.
    pub(crate) fn run_of(&self, sent: &[MediaSent]) -> Run {
        self.script().check_run(sent).expect("a contiguous run that begins at a keyframe")
    }

    /// Reads to the end of the stream, and must have had all of it by then.
    pub(crate) fn watch_to_the_end(&mut self, sent: &[MediaSent]) {
        self.run_until(|player| matches!(player.phase(), Phase::EndedByServer(_)));
        let run = self.run_of(sent);
        assert_eq!(run.last, sent.last().expect("something was sent").sequence, "the end is behind all");
        assert_eq!(*self.phase(), unpublished());
    }

    /// Has asked, and was told nothing but that it plays.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase(), Phase::Live(_))
    }
}

impl<S: Script> Visitor<S> {
    /// Connects, and says nothing yet.
    pub(crate) fn at(server: SocketAddr, script: S) -> Self {
        Self::over(TcpStream::connect(server).expect("the server listens"), script)
    }

    /// Connects from a socket whose receive buffer is small, so that the server has to wait for it soon.
    pub(crate) fn narrow(server: SocketAddr, script: S) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is a descriptor");
        socket.set_recv_buffer_size(NARROW_BYTES).expect("it is open");
        socket.connect(&server.into()).expect("the server listens");
        Self::over(socket.into(), script)
    }

    pub(crate) fn over(socket: TcpStream, script: S) -> Self {
        let address = socket.local_addr().expect("it is connected");
        let wire = Wire::over(socket, script, MINUTE).expect("it is open");
        Self { address, wire }
    }

    pub(crate) fn run_until(&mut self, reached: impl Fn(&S) -> bool) {
        self.wire.run_until(reached).expect("the conversation goes on");
    }

    /// The same, without saying what waits to be said.
    pub(crate) fn hear_until(&mut self, reached: impl Fn(&S) -> bool) {
        while !reached(&self.wire.script) {
            assert!(self.wire.read_once().expect("the conversation goes on"), "the server left");
        }
    }

    /// Reads until the server closes.
    pub(crate) fn run_to_the_end(&mut self) -> io::Result<()> {
        self.wire.run_to_the_end()
    }

    /// Says what waits to be said.
    pub(crate) fn flush(&mut self) {
        self.wire.flush().expect("the server takes it");
    }

    /// Goes as far as the question that matters, publish or play, without sending it.
    pub(crate) fn poise(&mut self)
    where
        S: Asks,
    {
        while !self.wire.script.has_asked() {
            self.flush();
            assert!(self.wire.read_once().expect("the conversation goes on"), "the server left");
        }
    }

    pub(crate) fn script(&self) -> &S {
        &self.wire.script
    }

    pub(crate) fn script_mut(&mut self) -> &mut S {
        &mut self.wire.script
    }

    /// Says that nothing more comes, and goes on reading.
    pub(crate) fn close_its_side(&mut self) {
        self.wire.socket().shutdown(Shutdown::Write).expect("it is open");
    }

    /// Is gone, by a reset; by dropping it, it leaves as a program does that is killed.
    pub(crate) fn reset(mut self) {
        // Lingering for no time at all is how a close becomes a reset.
        SockRef::from(&*self.wire.socket()).set_linger(Some(Duration::ZERO)).expect("it is open");
    }

    /// Leaves, and takes turns in how.
    pub(crate) fn vanish(self, round: usize) -> SocketAddr {
        let address = self.address;
        if round.is_multiple_of(2) {
            self.reset();
        }
        address
    }
}

/// A script that asks for something.
pub(crate) trait Asks {
    fn has_asked(&self) -> bool;
}

impl Asks for Publisher {
    fn has_asked(&self) -> bool {
        matches!(self.phase(), Phase::Starting(_)) || self.phase().is_decided()
    }
}

impl Asks for Player {
    fn has_asked(&self) -> bool {
        matches!(self.phase(), Phase::Starting(_)) || self.phase().is_decided()
    }
}

/// What a player is told when its stream ends.
pub(crate) fn unpublished() -> Phase {
    Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned())
}

/// What a publisher is told whose name another has.
pub(crate) fn name_in_use() -> Phase {
    Phase::Refused("NetStream.Publish.BadName".to_owned())
}

/// SO_RCVBUF; Linux doubles it.
const NARROW_BYTES: usize = 32 * 1024;
