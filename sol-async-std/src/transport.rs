//! Transport: the bytes of one connection, both ways.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::io::AsyncWriteExt;
use sol_core::session::{Linger, PeerEnd, Session};

use crate::socket;

/// A transport that bytes are passed through.
#[derive(Debug)]
pub(crate) struct Transport<I> {
    io: I,
    /// Says that nothing more comes, where closing it does not.
    finish: fn(&I),
    /// Has its close become a reset, where it can be reset.
    reset: fn(&I),
    /// Bytes may wait in a buffer of its own, as with TLS.
    needs_flush: bool,
    /// The last read filled its buffer.
    reads_much: bool,
}

/// What the bytes are to: a server's participant with its streams, or a client's session.
pub(crate) trait Driven {
    /// What comes is still heard when nothing can be written any more: a server may have said why it closes.
    const HEARS_OUT: bool;

    fn session(&self) -> &Session;

    fn handle_input(&mut self, bytes: &[u8]);

    fn handle_sent(&mut self, count: usize);

    fn handle_end(&mut self, end: PeerEnd);
}

impl<I: AsyncRead + AsyncWrite + Unpin> Transport<I> {
    /// Any transport. It cannot be reset.
    pub(crate) fn new(io: I) -> Self {
        Self { io, finish: |_| {}, reset: |_| {}, needs_flush: false, reads_much: false }
    }

    /// A TCP socket.
    pub(crate) fn socket(io: I) -> Self
    where
        I: AsFd,
    {
        Self { finish: socket::finish, reset: socket::reset, ..Self::new(io) }
    }

    /// Passes on what the transport takes and gives at present, and no more than is fair to others. Whether there is more to
    /// do at once; where there is not, `context` is woken when there is.
    pub(crate) fn poll_exchange<D: Driven>(&mut self, driven: &mut D, context: &mut Context<'_>) -> bool {
        match self.poll_write(driven, context) {
            Ok(has_more) => self.poll_read(driven, context) || has_more,
            // If anything came, the next write fails again.
            Err(end) => {
                if !D::HEARS_OUT || !self.poll_read(driven, context) {
                    driven.handle_end(end);
                }
                true
            }
        }
    }

    /// Writes what there is; whether there is more that the transport would take.
    fn poll_write(&mut self, driven: &mut impl Driven, context: &mut Context<'_>) -> Result<bool, PeerEnd> {
        let mut writes = 0;
        while driven.session().has_output() && writes < WRITES {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = driven.session().outbound(&mut slices);
            match Pin::new(&mut self.io).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => driven.handle_sent(written),
                Poll::Ready(outcome) => {
                    return Err(outcome.err().map_or(PeerEnd::Lost, |error| PeerEnd::of(&error)));
                }
                // No flush: the one of smol's sockets forgets who waits to write. It comes behind the rest.
                Poll::Pending => return Ok(false),
            }
            self.needs_flush = true;
            writes += 1;
        }
        if self.needs_flush {
            // An error shows again at the next read or write.
            self.needs_flush = Pin::new(&mut self.io).poll_flush(context).is_pending();
        }
        Ok(writes == WRITES)
    }

    /// Reads once, if input is wanted; whether anything came.
    fn poll_read(&mut self, driven: &mut impl Driven, context: &mut Context<'_>) -> bool {
        if !driven.session().wants_input() {
            return false;
        }
        // On the stack, so that a connection that is silent holds no buffer.
        if self.reads_much {
            self.poll_read_into(&mut [0; READ_BYTES_MUCH], driven, context)
        } else {
            self.poll_read_into(&mut [0; READ_BYTES], driven, context)
        }
    }

    fn poll_read_into(
        &mut self,
        buffer: &mut [u8],
        driven: &mut impl Driven,
        context: &mut Context<'_>,
    ) -> bool {
        match Pin::new(&mut self.io).poll_read(context, buffer) {
            Poll::Ready(Ok(0)) => driven.handle_end(PeerEnd::Finished),
            Poll::Ready(Ok(count)) => {
                self.reads_much = count >= READ_BYTES;
                driven.handle_input(&buffer[..count]);
            }
            Poll::Ready(Err(error)) => driven.handle_end(PeerEnd::of(&error)),
            Poll::Pending => {
                self.reads_much = false;
                return false;
            }
        }
        true
    }

    /// See [`Hangup::Linger`](sol_core::session::Hangup::Linger). Whether the peer has closed in turn.
    pub(crate) async fn part_in_peace(&mut self, linger: &mut Linger) -> bool {
        match self.io.close().await {
            // Done before, by a future that was dropped, and the peer has closed since.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(_) => return false,
            Ok(()) => {}
        }
        (self.finish)(&self.io);
        poll_fn(|context| self.poll_end(linger, context)).await
    }

    /// Reads and throws away; whether the peer has closed, once that is known.
    fn poll_end(&mut self, linger: &mut Linger, context: &mut Context<'_>) -> Poll<bool> {
        // On the stack, so that whoever waits holds no buffer.
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS {
            match Pin::new(&mut self.io).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(0)) => return Poll::Ready(true),
                Poll::Ready(Ok(count)) if linger.take(count) => {}
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(false),
                Poll::Pending => return Poll::Pending,
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    pub(crate) fn reset(&self) {
        (self.reset)(&self.io);
    }

    pub(crate) fn into_inner(self) -> I {
        self.io
    }
}

/// Bytes per read, of which each is cleared first: enough for what players say.
const READ_BYTES: usize = 4 * 1024;

/// Bytes per read where that was not enough: a whole keyframe of a common stream in one go.
const READ_BYTES_MUCH: usize = 64 * 1024;

/// Slices per write: two frames of video and the audio between them, many times over.
const WRITE_SLICES: usize = 64;

/// Writes in a row. A peer that takes a long tape as fast as it is written would keep others from their turns.
const WRITES: usize = 16;

/// Reads in a row of what is thrown away, for the same reason.
const READS: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use async_io::Async;
    use sol_core::session::{SessionConfig, Target};
    use sol_core::time::Instant;

    use super::*;

    #[test]
    fn a_transport_that_takes_no_more_wakes_whoever_has_more_though_a_flush_forgets_it() {
        let mut transport = Transport::new(Forgetful { room: 100, ..Forgetful::default() });
        let mut client = Client::new();
        let mut noop = Context::from_waker(Waker::noop());
        assert!(!transport.poll_exchange(&mut client, &mut noop));
        assert!(client.session.has_output());
        assert!(transport.io.writer.is_some(), "the rest is waited for");
        assert!(!transport.io.is_flushed);
        transport.io.room = usize::MAX;
        assert!(!transport.poll_exchange(&mut client, &mut noop));
        assert!(!client.session.has_output());
        assert!(transport.io.is_flushed);
    }

    /// Closing an `Async` only flushes it, and so does closing a socket of async-std's.
    #[test]
    fn a_peer_is_told_that_nothing_more_comes_before_it_is_waited_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let ours = Async::new(listener.accept().unwrap().0).unwrap();
        let mut transport = Transport::socket(ours);
        let mut linger = Linger::new(Duration::from_secs(60), 100);
        let mut parting = Box::pin(transport.part_in_peace(&mut linger));
        let mut noop = Context::from_waker(std::task::Waker::noop());
        assert!(parting.as_mut().poll(&mut noop).is_pending());
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
        drop(theirs);
        assert!(smol::future::block_on(parting));
    }

    /// A client that has its first bytes to say.
    struct Client {
        session: Session,
    }

    impl Client {
        fn new() -> Self {
            let target = Target::play(&"rtmp://localhost/live/cam".parse().unwrap());
            Self { session: Session::connect(Arc::new(SessionConfig::default()), &target, [0; 32], NOW) }
        }
    }

    impl Driven for Client {
        const HEARS_OUT: bool = true;

        fn session(&self) -> &Session {
            &self.session
        }

        fn handle_input(&mut self, bytes: &[u8]) {
            self.session.handle_input(bytes, NOW);
        }

        fn handle_sent(&mut self, count: usize) {
            self.session.handle_sent(count, NOW);
        }

        fn handle_end(&mut self, end: PeerEnd) {
            self.session.handle_end(end, NOW);
        }
    }

    /// Nothing comes from it, and its flush does as that of smol's sockets.
    #[derive(Default)]
    struct Forgetful {
        room: usize,
        writer: Option<Waker>,
        is_flushed: bool,
    }

    impl AsyncRead for Forgetful {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Forgetful {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.room == 0 {
                self.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.is_flushed = false;
            Poll::Ready(Ok(count))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.writer = None;
            self.is_flushed = true;
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    const NOW: Instant = Instant::from_epoch(Duration::ZERO);
}
