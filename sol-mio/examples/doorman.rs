//! A server on event loops of its own, one for each processor, whose doorman takes his time.
//!
//! ```sh
//! cargo run -p sol-mio --example doorman [ADDRESS]
//! ```
//!
//! He has a thread of his own, and answers one after the other: names must begin with `live/`. The loops go on meanwhile, and
//! nobody waits but who has asked. It ends in good order when its standard input ends.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::mpsc::{self, Sender};
use std::{env, thread};

use sol_mio::{
    Answer, Application, Event, Peer, Refusal, Request, Server, ServerConfig, Session, StreamName, TurnedAway,
};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:1935"))?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;

    let (ask, questions) = mpsc::channel();
    thread::spawn(move || {
        // Until the application has gone, and its end of the channel with it.
        for (name, answer) in questions {
            decide(&name, answer);
        }
    });
    let loops = thread::available_parallelism()?.try_into().unwrap_or(NonZeroU32::MAX);
    let server = Server::start(ServerConfig::default(), loops, Lobby { ask })?;
    server.listen(listener)?;
    io::copy(&mut io::stdin(), &mut io::sink())?;

    // Publishers and players are told before their connections close; dropped alone, the server would cut them off.
    server.shutdown();
    Ok(())
}

/// It could as well ask a database.
fn decide(name: &StreamName, answer: Answer) {
    if name.as_str().starts_with("live/") {
        answer.allow();
    } else {
        answer.refuse(Refusal::Denied("There is nothing but live/ here.".into()));
    }
}

/// The server's side of the application. It is called on the loops' threads, and so passes on what may take time.
struct Lobby {
    ask: Sender<(StreamName, Answer)>,
}

impl Application for Lobby {
    fn authorize(&self, _peer: &Peer, request: &Request, answer: Answer) {
        // Where the doorman has gone, the answer is dropped, which refuses.
        let _ = self.ask.send((request.name.clone(), answer));
    }

    fn event(&self, peer: &Peer, event: &Event, _session: &Session) {
        // The others have the query string, in which keys travel.
        if let Event::Started { .. } | Event::Refused { .. } | Event::Ended { .. } | Event::Closed { .. } =
            event
        {
            eprintln!("{}: {event:?}", peer.id);
        }
    }

    fn turned_away(&self, _peer: Option<SocketAddr>, why: &TurnedAway) {
        eprintln!("turned away: {why}");
    }
}
