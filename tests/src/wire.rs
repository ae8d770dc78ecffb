//! Wire: a scripted peer at a real socket, for threads that may wait.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::peer::script::{Player, Publisher, Script};

/// A script and its connection.
#[derive(Debug)]
pub struct Wire<S> {
    /// The client. What it queues goes out with the next [`Wire::flush`].
    pub script: S,
    socket: TcpStream,
}

impl Wire<Publisher> {
    /// Connects, and returns when the script may publish, or may not.
    pub fn publish(server: SocketAddr, script: Publisher) -> io::Result<Self> {
        let mut wire = Wire::connect(server, script)?;
        wire.run_until(|script| script.phase().is_decided())?;
        Ok(wire)
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
    /// Connects, and returns when the script plays, or may not.
    pub fn play(server: SocketAddr, script: Player) -> io::Result<Self> {
        let mut wire = Wire::connect(server, script)?;
        wire.run_until(|script| script.phase().is_decided())?;
        Ok(wire)
    }
}

impl<S: Script> Wire<S> {
    /// Connects, and says nothing yet.
    pub fn connect(server: SocketAddr, script: S) -> io::Result<Self> {
        Ok(Self::over(TcpStream::connect(server)?, script))
    }

    /// The same over a connection that is open.
    pub fn over(socket: TcpStream, script: S) -> Self {
        // Without effect beyond the time that it takes, so a failure is no matter.
        let _ = socket.set_nodelay(true);
        Self { script, socket }
    }

    /// The connection.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Speaks with the server until the script is where it should be.
    ///
    /// # Errors
    /// The connection fails, or the server closes it before that.
    pub fn run_until(&mut self, reached: impl Fn(&S) -> bool) -> io::Result<()> {
        self.flush()?;
        while !reached(&self.script) {
            if !self.read_once()? {
                let left = format!("the server left in phase {:?}", self.script.phase_now());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, left));
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Reads until the server closes.
    pub fn run_to_the_end(&mut self) -> io::Result<()> {
        while self.read_once()? {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what the script has queued, one piece per write, as clients do.
    pub fn flush(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.script.give_bytes();
            if bytes.is_empty() {
                return Ok(());
            }
            self.socket.write_all(&bytes)?;
        }
    }

    /// Waits for what comes, and gives it to the script. False when nothing comes any more.
    pub fn read_once(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 64 * 1024];
        let count = self.socket.read(&mut buffer)?;
        if count > 0 {
            self.script.take_bytes(&buffer[..count]);
        }
        Ok(count > 0)
    }
}
