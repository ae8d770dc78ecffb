//! mio: event loops, as many as are asked for.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::time::Duration;

use sol_core::server::Report;
use sol_core::session::{Event, ReconnectRequest, Target};
use sol_core::url::RtmpUrl;
use sol_mio::{
    Answer, Application, Client, Media, Peer, PublishRefused, Publisher, Replaced, Request, Server,
    ServerConfig, Session, SessionConfig, StreamName, TurnedAway,
};

use super::{Adapter, ClientRole, Within};
use crate::porter::Porter;

/// So many loops, each in a thread of its own.
pub(crate) struct Mio {
    pub(crate) loops: u32,
}

impl Application for Porter {
    fn authorize(&self, peer: &Peer, request: &Request, answer: Answer) {
        self.decide(peer, request, |verdict| match verdict {
            Ok(()) => answer.allow(),
            Err(why) => answer.refuse(why),
        });
    }

    fn event(&self, peer: &Peer, event: &sol_mio::Event, _session: &Session) {
        self.note(peer, event);
    }

    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        self.note_turned_away(peer, why);
    }
}

impl Adapter for Mio {
    fn serve(&self, listener: TcpListener, config: ServerConfig, porter: Porter) -> Box<dyn super::Server> {
        let loops = NonZeroU32::new(self.loops).expect("one at least");
        let server = Server::start(config, loops, porter).expect("the system has threads and descriptors");
        server.listen(listener).expect("it is open");
        Box::new(server)
    }

    fn connect(
        &self,
        url: &RtmpUrl,
        target: &Target,
        config: SessionConfig,
    ) -> io::Result<Box<dyn ClientRole>> {
        Ok(Box::new(Client::connect(url, target, config)?))
    }
}

impl super::Server for Server<Porter> {
    fn connection_count(&self) -> usize {
        self.connection_count()
    }

    fn stream_count(&self) -> usize {
        self.stream_count()
    }

    fn report(&self) -> Report {
        self.report()
    }

    fn publish(&self, name: StreamName) -> Result<Box<dyn Within>, PublishRefused> {
        Ok(Box::new(self.publish(name)?))
    }

    fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.drain(request, patience)
    }

    fn shutdown(&self) {
        self.shutdown();
    }
}

impl Within for Publisher {
    fn append(&mut self, media: &Media) -> Result<(), Replaced> {
        self.append(media)
    }

    fn finish(self: Box<Self>) {
        (*self).finish();
    }
}

impl ClientRole for Client {
    fn next(&mut self) -> Option<Event> {
        self.next_event()
    }

    fn room(&mut self) -> bool {
        self.room()
    }

    fn send(&mut self, media: &Media) {
        self.send(media);
    }

    fn leave(&mut self) {
        self.leave();
    }
}
