//! Serves whoever comes: `serve [ADDRESS] [--smol]`, at 127.0.0.1:1935 by default, on async-std or on smol.

use std::future::pending;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use sol_async_std::{Server, ServerConfig};

fn main() -> io::Result<()> {
    let (options, addresses): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let address = addresses.first().map_or("127.0.0.1:1935", String::as_str);
    match &options[..] {
        [] => async_std::task::block_on(on_async_std(address)),
        [smol] if smol == "--smol" => {
            let executor = on_all_cores();
            smol::block_on(executor.run(on_smol(address, &executor)))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: serve [ADDRESS] [--smol]")),
    }
}

async fn on_async_std(address: &str) -> io::Result<()> {
    let listener = async_std::net::TcpListener::bind(address).await?;
    announce(listener.local_addr()?)?;
    Server::new(ServerConfig::default(), ()).serve(listener).await;
    Ok(())
}

async fn on_smol(address: &str, executor: &smol::Executor<'static>) -> io::Result<()> {
    let listener = smol::net::TcpListener::bind(address).await?;
    announce(listener.local_addr()?)?;
    let server = Server::new(ServerConfig::default(), ());
    server.serve_incoming(listener.incoming(), |connection| executor.spawn(connection).detach()).await;
    Ok(())
}

/// An executor with as many threads as async-std's, of which the caller is to be one.
fn on_all_cores() -> Arc<smol::Executor<'static>> {
    let executor = Arc::new(smol::Executor::new());
    for _ in 1..thread::available_parallelism().map_or(1, usize::from) {
        let executor = Arc::clone(&executor);
        thread::spawn(move || smol::block_on(executor.run(pending::<()>())));
    }
    executor
}

fn announce(address: SocketAddr) -> io::Result<()> {
    writeln!(io::stdout(), "listening on {address}")
}
