//! A scripted peer on a tokio transport.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use sol_tests::peer::Peer;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::{Player, Publisher, Script};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A script and its connection.
#[derive(Debug)]
pub(crate) struct Client<S, I = TcpStream> {
    pub(crate) script: S,
    transport: I,
}

impl Client<Publisher> {
    /// Connects and publishes; returns when it may, or may not.
    pub(crate) async fn publish(server: SocketAddr, name: &str) -> Self {
        Client::publish_pattern(server, name, Pattern::new()).await
    }

    /// The same with another pattern.
    pub(crate) async fn publish_pattern(server: SocketAddr, name: &str, pattern: Pattern) -> Self {
        let script = Publisher::new("live", name, pattern);
        let mut client = Client { script, transport: connect(server).await };
        client.run_until(|script| script.phase().is_decided()).await;
        client
    }
}

impl Client<Player> {
    /// Connects and plays; returns when it may, or may not.
    pub(crate) async fn play(server: SocketAddr, name: &str) -> Self {
        let transport = connect(server).await;
        Client::play_over(transport, name).await
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<Player, I> {
    /// The same over any transport.
    pub(crate) async fn play_over(transport: I, name: &str) -> Self {
        let mut client = Client { script: Player::new("live", name), transport };
        client.run_until(|script| script.phase().is_decided()).await;
        client
    }

    /// Reads until what was sent last has come; checks that all of it is one run.
    pub(crate) async fn watch(&mut self, sent: &[MediaSent]) {
        let last = &sent.last().expect("something was sent").payload;
        self.run_until(|player| player.media().iter().any(|media| media.payload == *last)).await;
        self.script.check_run(sent).expect("a contiguous run that begins at a keyframe");
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<Publisher, I> {
    /// The same over any transport.
    pub(crate) async fn publish_over(transport: I, name: &str) -> Self {
        let mut client = Client { script: Publisher::new("live", name, Pattern::new()), transport };
        client.run_until(|script| script.phase().is_decided()).await;
        client
    }

    /// Sends all media up to `until` of the pattern's time, as fast as the server takes it.
    pub(crate) async fn stream(&mut self, until: Duration) {
        self.script.advance(until);
        self.flush().await.expect("the server takes it");
    }
}

impl<S: Script, I: AsyncRead + AsyncWrite + Unpin> Client<S, I> {
    /// Speaks with the server until the script is where it should be. A server that leaves before is a failure.
    pub(crate) async fn run_until(&mut self, reached: impl Fn(&S) -> bool) {
        self.flush().await.expect("the server takes it");
        while !reached(&self.script) {
            let open = self.read_once().await.expect("the connection lasts");
            assert!(open, "the server left: {:?}", self.script.peer().map(Peer::statuses));
            self.flush().await.expect("the server takes it");
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.script.take_output();
            if bytes.is_empty() {
                return Ok(());
            }
            self.transport.write_all(&bytes).await?;
        }
    }

    async fn read_once(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let count = self.transport.read(&mut buffer).await?;
        if count > 0 {
            self.script.feed(&buffer[..count], Duration::ZERO).expect("the server writes by the book");
        }
        Ok(count > 0)
    }
}

async fn connect(server: SocketAddr) -> TcpStream {
    let transport = TcpStream::connect(server).await.expect("the server listens");
    // A small write that waits for a delayed acknowledgement costs 43 ms, several times over in each conversation.
    transport.set_nodelay(true).expect("the socket is open");
    transport
}
