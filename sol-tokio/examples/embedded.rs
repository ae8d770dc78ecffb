//! A server inside an application that has tokio, a table and tasks of its own.
//!
//! ```sh
//! cargo run -p sol-tokio --example embedded [ADDRESS]
//! ```
//!
//! Whoever publishes needs the stream's key: `rtmp://HOST/live/cam?key=sesame`. The keys are known to a task of the
//! application, which the server's policy asks. It ends in good order when its standard input ends.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};

use sol_tokio::{
    Application, Event, Peer, Refusal, Request, RequestKind, Server, ServerConfig, Session, StreamName,
};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1935".to_owned());
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;

    // The application has a life of its own; the server is one task beside it.
    let (ask, questions) = mpsc::channel(16);
    let keys = tokio::spawn(keep_keys(questions));
    let server = Server::new(ServerConfig::default(), Doorman { ask });
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.serve(listener).await }
    });
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;

    // Publishers and players are told before their connections close.
    server.shutdown().await;
    serving.await?;
    // With the last of the server goes its doorman, and with him the last question.
    drop(server);
    keys.await?;
    Ok(())
}

/// Something that the application is asked: does this key open this stream?
struct Question {
    name: StreamName,
    key: String,
    answer: oneshot::Sender<bool>,
}

/// The application's table of keys. It could as well be in a database.
async fn keep_keys(mut questions: mpsc::Receiver<Question>) {
    let keys = BTreeMap::from([("live/cam", "sesame"), ("live/stage", "curtain")]);
    while let Some(Question { name, key, answer }) = questions.recv().await {
        let expected = keys.get(name.as_str()).copied();
        // In a time that does not tell how much of the key was right.
        let fits = expected.is_some_and(|expected| expected.as_bytes().ct_eq(key.as_bytes()).into());
        // Who asked may have left.
        let _ = answer.send(fits);
    }
}

/// The server's side of the application.
struct Doorman {
    ask: mpsc::Sender<Question>,
}

impl Application for Doorman {
    /// Anybody may play. Nobody but this peer waits for the answer.
    async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
        if request.kind == RequestKind::Play {
            return Ok(());
        }
        let key = request.query.split('&').find_map(|pair| pair.strip_prefix("key=")).unwrap_or_default();
        let (answer, answered) = oneshot::channel();
        let question = Question { name: request.name.clone(), key: key.to_owned(), answer };
        // A table that is gone lets nobody in.
        let _ = self.ask.send(question).await;
        match answered.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::Denied("The key is not that of this stream.".into())),
            Err(_) => Err(Refusal::Rejected("Keys cannot be looked up at the moment.".into())),
        }
    }

    fn event(&self, peer: &Peer, event: &Event, _session: &Session) {
        // The others have the query string, and with it the key.
        if let Event::Started { .. } | Event::Refused { .. } | Event::Ended { .. } | Event::Closed { .. } =
            event
        {
            eprintln!("{}: {event:?}", peer.id);
        }
    }
}
