//! Crowd: players that only count. The kernel throws their bytes away without copying them (MSG_TRUNC), so that one thread
//! stands for thousands.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// Players that are there.
#[derive(Debug)]
pub(super) struct Crowd {
    tally: Arc<Tally>,
    thread: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Default)]
struct Tally {
    bytes: AtomicU64,
    closed: AtomicU64,
    is_over: AtomicBool,
}

impl Crowd {
    /// Takes over connections that play.
    pub(super) fn gather(sockets: Vec<TcpStream>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, socket) in sockets.iter().enumerate() {
            socket.set_nonblocking(true)?;
            let token = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, socket, token, epoll::EventFlags::IN)?;
        }
        let tally = Arc::<Tally>::default();
        let thread = thread::spawn({
            let tally = Arc::clone(&tally);
            move || tally.count(&epoll, &sockets)
        });
        Ok(Self { tally, thread })
    }

    /// Bytes that have come for all of them together.
    pub(super) fn bytes(&self) -> u64 {
        self.tally.bytes.load(Ordering::Relaxed)
    }

    /// How many the server has closed.
    pub(super) fn closed(&self) -> u64 {
        self.tally.closed.load(Ordering::Relaxed)
    }

    /// They leave.
    pub(super) fn disperse(self) -> io::Result<()> {
        self.tally.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the crowd's thread panicked")))
    }
}

impl Tally {
    fn count(&self, epoll: &OwnedFd, sockets: &[TcpStream]) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut nothing = vec![0; RECEIVE_BYTES];
        let patience = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        while !self.is_over.load(Ordering::Relaxed) {
            events.clear();
            match epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let socket = &sockets[event.data.u64() as usize];
                match recv(socket, &mut nothing[..], RecvFlags::TRUNC) {
                    Ok((_, count)) if count > 0 => {
                        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    }
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Ok(_) | Err(_) => {
                        self.closed.fetch_add(1, Ordering::Relaxed);
                        epoll::delete(epoll, socket)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Events that one wait brings.
const EVENTS: usize = 1_024;

/// Bytes that one call throws away.
const RECEIVE_BYTES: usize = 1024 * 1024;
