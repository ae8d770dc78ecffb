//! Wire: a scripted peer at a real socket, for threads that may wait. Whoever waits too long gets an error.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::peer::Peer;
use crate::peer::script::{Phase, Player, Publisher, Script};
use crate::programs::DEADLINE;

/// A script and its connection.
#[derive(Debug)]
pub struct Wire<S> {
    /// The client. What it queues goes out with the next [`Wire::flush`].
    pub script: S,
    socket: TcpStream,
}

impl Wire<Publisher> {
    /// Speaks with the server until the script may publish, or may not.
    pub fn decide(&mut self) -> io::Result<&Phase> {
        self.run_until(|script| script.phase().is_decided())?;
        Ok(self.script.phase())
    }

    /// Ends what is published in good order, and waits until the server has seen it.
    pub fn finish(mut self) -> io::Result<()> {
        self.script.finish();
        self.flush()?;
        self.socket.shutdown(Shutdown::Write)?;
        self.run_to_the_end()
    }
}

impl Wire<Player> {
    /// Speaks with the server until the script plays, or may not.
    pub fn decide(&mut self) -> io::Result<&Phase> {
        self.run_until(|script| script.phase().is_decided())?;
        Ok(self.script.phase())
    }
}

impl<S: Script> Wire<S> {
    /// Connects, and says nothing yet. Waits as long as a test may take for what the server says.
    pub fn connect(server: SocketAddr, script: S) -> io::Result<Self> {
        Self::over(TcpStream::connect(server)?, script, DEADLINE)
    }

    /// The same over a connection that is open, with another patience.
    pub fn over(socket: TcpStream, script: S, patience: Duration) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(Self { script, socket })
    }

    /// The connection.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Speaks with the server until the script is where it should be.
    ///
    /// # Errors
    /// The connection fails, the server closes it before that, or says nothing for too long.
    pub fn run_until(&mut self, reached: impl Fn(&S) -> bool) -> io::Result<()> {
        self.flush()?;
        while !reached(&self.script) {
            if !self.read_once()? {
                let left = format!("the server left: {:?}", self.script.peer().map(Peer::statuses));
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, left));
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Reads until the server closes.
    pub fn run_to_the_end(&mut self) -> io::Result<()> {
        while self.read_once()? {
            // A ping may be answered, if the server still listens.
            let _ = self.flush();
        }
        Ok(())
    }

    /// Sends what the script has queued, one piece per write, as clients do.
    pub fn flush(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.script.take_output();
            if bytes.is_empty() {
                return Ok(());
            }
            self.socket.write_all(&bytes)?;
        }
    }

    /// Waits for what comes, and gives it to the script. False when nothing comes any more.
    ///
    /// # Errors
    /// Also if the server does not write by the book.
    pub fn read_once(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 64 * 1024];
        let count = self.socket.read(&mut buffer)?;
        if count > 0 {
            self.script.feed(&buffer[..count], Duration::ZERO).map_err(io::Error::other)?;
        }
        Ok(count > 0)
    }
}
