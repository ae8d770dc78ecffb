//! OneThatLingers: sockets whose session is over, and whose peers still have to read its last words.
//!
//! See [`Hangup::Linger`](sol_core::session::Hangup::Linger): what is unread when a socket closes turns the close into a reset,
//! and a reset voids what the peer has not read.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use sol_core::limits;
use sol_core::time::Instant;

/// All that linger on one loop.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    by_token: BTreeMap<usize, OneThatLingers>,
    next: usize,
}

#[derive(Debug)]
struct OneThatLingers {
    socket: TcpStream,
    /// Then the peer had its chance to close.
    until: Instant,
    /// Bytes that are still read and thrown away.
    left: usize,
}

impl Lingering {
    /// Takes a socket; whether it lingers. Its tokens begin at `first_token`.
    pub(crate) fn begin(
        &mut self,
        mut socket: TcpStream,
        registry: &Registry,
        first_token: usize,
        now: Instant,
    ) -> bool {
        // Never used twice, so that they are in the order in which their time is over.
        let token = first_token + self.next;
        self.next += 1;
        if socket.shutdown(Shutdown::Write).is_err()
            || registry.reregister(&mut socket, Token(token), Interest::READABLE).is_err()
        {
            return false;
        }
        let lingering =
            OneThatLingers { socket, until: now + limits::LINGER_TIME, left: limits::LINGER_BYTES };
        self.by_token.insert(token, lingering);
        // It may have said something that it was not asked for.
        self.attend(Token(token)) == 0
    }

    /// A socket may have something to read; how many are over by that.
    pub(crate) fn attend(&mut self, token: Token) -> usize {
        let Some(lingering) = self.by_token.get_mut(&token.0) else { return 0 };
        let is_over = lingering.read();
        usize::from(is_over && self.by_token.remove(&token.0).is_some())
    }

    /// How many are over because their time is.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.by_token.len();
        while let Some(first) = self.by_token.first_entry()
            && first.get().until <= now
        {
            first.remove();
        }
        before - self.by_token.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_token.len()
    }

    /// When the next one's time is over.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.by_token.values().next().map(|lingering| lingering.until)
    }
}

impl OneThatLingers {
    /// Reads and throws away; whether it is over.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) if count > self.left => return true,
                Ok(count) => self.left -= count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn a_socket_lingers_until_its_peer_closes_or_its_time_is_over() {
        let mut poll = Poll::new().unwrap();
        let mut lingering = Lingering::default();
        let [(first, mut its), (second, _other)] = [(), ()].map(|()| pair(&poll));
        assert!(lingering.begin(first, poll.registry(), 100, at(0)));
        assert!(lingering.begin(second, poll.registry(), 100, at(10)));
        its.write_all(b"what nobody reads").unwrap();
        drop(its);
        let mut gone = 0;
        let mut events = Events::with_capacity(8);
        while gone == 0 {
            poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
            assert!(!events.is_empty(), "the peer has closed");
            gone += events.iter().map(|event| lingering.attend(event.token())).sum::<usize>();
        }
        assert_eq!((gone, lingering.len()), (1, 1));
        assert_eq!(lingering.next_due(), Some(at(10) + limits::LINGER_TIME));
        assert_eq!(lingering.expire(at(10)), 0);
        assert_eq!(lingering.expire(at(10) + limits::LINGER_TIME), 1);
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

    fn at(millis: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(millis)
    }
}
