//! Relay: the floor of many streams: a bare loop, in a process of its own, that passes on to each publisher's players what it
//! has read, one system call for each read and one for each player. It understands nothing, so a server that sends as often can
//! hardly cost less. A player that does not read holds everybody up.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::Context;
use rustix::event::epoll;
use rustix::io::Errno;

use super::client::{CHUNK_SIZE_UNASKED, Client, announcement};
use super::fanout::{end, join, measure};
use super::floor::Bare;
use super::outcome::Outcome;
use super::publisher::Publishing;
use super::viewer::Origin;
use super::{Floor, RelayServer};
use crate::nofile;

/// Starts the loop, publishes to it and plays from it.
pub(super) fn run(asked: &Floor, publishers: u32) -> anyhow::Result<Outcome> {
    nofile::raise();
    asked.pattern.check()?;
    let players = asked.players as usize;
    let options = [("--publishers", publishers.into()), ("--players", asked.players.into())];
    let mut bare = Bare::start("relay-server", &options)?;
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, bare.port()?).into();
    // The loop reads nothing before everybody has come.
    let origins: Vec<Origin> = (0..publishers).map(|stream| Origin::Relay(address, stream)).collect();
    let (lines, _) = join(&origins, players)?;
    let begin = |stream| Publishing::begin(Client::bare(address, stream)?, asked.pattern, stream);
    let publishing = (0..publishers).map(begin).collect::<anyhow::Result<Vec<_>>>()?;
    let mut outcome = measure(&publishing, lines, asked.pattern, &asked.watch, Some(bare.pid()))?;
    outcome.what = match players {
        0 => "floor: a bare loop that reads".to_owned(),
        _ => "floor: a bare loop, one send for each player and read".to_owned(),
    };
    end(publishing, &mut outcome);
    Ok(outcome)
}

/// The loop itself. Ends when its publishers have gone.
pub(super) fn serve(asked: &RelayServer) -> anyhow::Result<()> {
    nofile::raise();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let mut streams: Vec<(Option<TcpStream>, Vec<TcpStream>)> = Vec::new();
    streams.resize_with(asked.publishers, Default::default);
    for _ in 0..asked.publishers * asked.players {
        let (number, mut player) = accept(&listener)?;
        player.write_all(&announcement(CHUNK_SIZE_UNASKED))?;
        streams.get_mut(number).context("a player of no stream came")?.1.push(player);
    }
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for _ in 0..asked.publishers {
        let (number, publisher) = accept(&listener)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, &publisher, data, epoll::EventFlags::IN)?;
        streams.get_mut(number).context("a publisher of no stream came")?.0 = Some(publisher);
    }
    let mut events = Vec::with_capacity(1_024);
    let mut buffer = vec![0; 64 * 1024];
    let mut present = asked.publishers;
    while present > 0 {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let (publisher, players) = &mut streams[event.data.u64() as usize];
            let Some(socket) = publisher else { continue };
            match socket.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) if count > 0 => {
                    players.retain_mut(|player| player.write_all(&buffer[..count]).is_ok());
                }
                _ => {
                    *publisher = None;
                    present -= 1;
                }
            }
        }
    }
    Ok(())
}

/// Somebody who says of which stream.
fn accept(listener: &TcpListener) -> io::Result<(usize, TcpStream)> {
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    let mut number = [0; 4];
    socket.read_exact(&mut number)?;
    Ok((u32::from_be_bytes(number) as usize, socket))
}
