//! Lingering: sockets whose session is over, and whose peers still have to read its last words.
//!
//! See [`Hangup::Linger`](sol_core::session::Hangup::Linger): what is unread when a socket closes turns the close into a reset,
//! and a reset voids what the peer has not read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use sol_core::session::Linger;
use sol_core::time::Instant;

use crate::census::Admitted;

/// All that linger on one loop.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    by_token: BTreeMap<usize, OneThatLingers>,
    /// Those that may have something to read.
    ready: BTreeSet<usize>,
    next: usize,
}

/// A socket that lingers, and still counts.
#[derive(Debug)]
pub(crate) struct OneThatLingers {
    socket: TcpStream,
    linger: Linger,
    until: Instant,
    _admitted: Admitted,
}

impl OneThatLingers {
    pub(crate) fn new(socket: TcpStream, linger: Linger, admitted: Admitted, now: Instant) -> Self {
        Self { socket, until: now + linger.patience(), linger, _admitted: admitted }
    }
}

impl Lingering {
    /// Takes a socket. Its tokens begin at `first_token`.
    pub(crate) fn begin(&mut self, mut one: OneThatLingers, registry: &Registry, first_token: usize) {
        // In the order in which their time is over: a server has the same patience with all.
        let token = first_token + self.next;
        self.next = (self.next + 1) % TOKENS;
        if one.socket.shutdown(Shutdown::Write).is_ok()
            && registry.reregister(&mut one.socket, Token(token), Interest::READABLE).is_ok()
        {
            debug_assert!(self.by_token.values().next_back().is_none_or(|last| last.until <= one.until));
            self.by_token.insert(token, one);
            // It may have said something that it was not asked for.
            self.ready.insert(token);
        }
    }

    /// A socket may have something to read.
    pub(crate) fn is_ready(&mut self, token: Token) {
        if self.by_token.contains_key(&token.0) {
            self.ready.insert(token.0);
        }
    }

    /// Reads from those that may have something, once from each, and throws it away.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) {
        for token in std::mem::take(&mut self.ready) {
            let Some(one) = self.by_token.get_mut(&token) else { continue };
            match one.socket.read(buffer) {
                Ok(count) if one.linger.take(count) => drop(self.ready.insert(token)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => drop(self.ready.insert(token)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => drop(self.by_token.remove(&token)),
            }
        }
    }

    /// Closes those whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(first) = self.by_token.first_entry()
            && first.get().until <= now
        {
            first.remove();
        }
    }

    /// When the next one's time is over, or at once where there may be something to read.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        match self.ready.is_empty() {
            true => self.by_token.values().next().map(|one| one.until),
            false => Some(now),
        }
    }
}

/// So many have tokens of their own, above `first_token` and below that of the waker.
const TOKENS: usize = usize::MAX / 4;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::time::Duration;

    use mio::{Events, Poll};

    use crate::census::Census;

    use super::*;

    #[test]
    fn a_socket_lingers_until_its_peer_closes_or_its_time_is_over() {
        let (mut poll, census) = (Poll::new().unwrap(), Arc::new(Census::new(2, 1)));
        let mut lingering = Lingering::default();
        let linger = Linger::new(Duration::from_secs(1), 100);
        let [(first, mut its), (second, _other)] = [(), ()].map(|()| pair(&poll));
        for socket in [first, second] {
            let one = OneThatLingers::new(socket, linger, census.admit().unwrap(), Instant::EPOCH);
            lingering.begin(one, poll.registry(), 100);
        }
        assert_eq!(census.connections(), 2);
        its.write_all(b"what nobody reads").unwrap();
        drop(its);
        let mut events = Events::with_capacity(8);
        while census.connections() == 2 {
            poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
            assert!(!events.is_empty(), "the peer has closed");
            events.iter().for_each(|event| lingering.is_ready(event.token()));
            while lingering.next_due(Instant::EPOCH) == Some(Instant::EPOCH) {
                lingering.read(&mut [0; 4]);
            }
        }
        let until = Instant::EPOCH + linger.patience();
        assert_eq!((census.connections(), lingering.next_due(Instant::EPOCH)), (1, Some(until)));
        lingering.expire(Instant::EPOCH);
        assert_eq!(census.connections(), 1);
        lingering.expire(until);
        assert_eq!(census.connections(), 0);
    }

    fn pair(poll: &Poll) -> (TcpStream, std::net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let its = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mine, _) = listener.accept().unwrap();
        mine.set_nonblocking(true).unwrap();
        let mut mine = TcpStream::from_std(mine);
        poll.registry().register(&mut mine, Token(1), Interest::READABLE | Interest::WRITABLE).unwrap();
        (mine, its)
    }
}
