//! `sol serve`: takes streams from encoders and gives them to players.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use sol_tokio::ReconnectRequest;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tracing::{error, info};

use crate::Exit;
use crate::backend::Backend;
use crate::config::{Configuration, LogFormat, Runtime, ServerSettings};
use crate::journal::Journal;
use crate::listen::Listening;
use crate::signals::Signals;
use crate::{demo, listen, nofile, report};

/// Serves until a signal comes.
pub(crate) fn run(configuration: &Configuration) -> anyhow::Result<Exit> {
    nofile::raise();
    let server = &configuration.settings().server;
    let mut builder = match server.runtime {
        Runtime::Tokio => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(server.loops().get() as usize);
            builder
        }
        // The loops have threads of their own.
        Runtime::Mio => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().context("cannot start the runtime")?;
    let exit = runtime.block_on(serve(configuration));
    // Whoever says it twice does not wait for what still goes on in the background.
    runtime.shutdown_background();
    exit
}

async fn serve(configuration: &Configuration) -> anyhow::Result<Exit> {
    let settings = configuration.settings();
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let all_listening = listen::bind_all(&settings.server.rtmp)?;
    let variables = Some(configuration.variables()).filter(|count| *count > 0);
    match configuration.file() {
        Some(file) => info!(file = %file.display(), variables, "configuration"),
        None => info!(variables, "no configuration file"),
    }
    let mut asked_for_reports = signal(SignalKind::user_defined1()).context("cannot listen for signals")?;
    let journal = Journal::new(settings.policies());
    let (runtime, loops) = (settings.server.runtime, settings.server.loops());
    let server = Backend::start(runtime, loops, settings.server_config(), journal)
        .context("cannot start the server")?;
    if settings.server.demo {
        let publish = server.publish(demo::NAME.parse().expect("it is the name of a stream"));
        info!(stream = demo::NAME, "demo");
        server.keep_up(demo::run(publish)).context("cannot start the demo")?;
    }
    match settings.server.log {
        LogFormat::Text => greet(&all_listening, settings.server.demo),
        LogFormat::Json => {
            for listening in &all_listening {
                info!(address = %listening.address, "listening");
            }
        }
    }
    tokio::spawn({
        let server = server.clone();
        async move {
            while asked_for_reports.recv().await.is_some() {
                report::write(&server.report().await);
            }
        }
    });
    for listening in all_listening {
        server.listen(listening.listener).context("cannot listen")?;
    }
    let name = tokio::select! {
        name = signals.next() => name,
        () = server.ended() => {
            error!("{FAILED}");
            return Ok(Exit::Failed);
        }
    };
    tokio::select! {
        // In this order: where both signals are there at once, the first is told of all the same.
        biased;
        () = stop(&server, name, &settings.server) => {}
        _ = signals.next() => return Ok(Exit::Interrupted),
    }
    // Then nobody was let to stay, and nobody was told.
    if server.has_failed() {
        error!("{FAILED}");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Stopped)
}

/// Stops as the signal asks for, and as the settings say.
async fn stop(server: &Backend, signal: &str, settings: &ServerSettings) {
    let patience = settings.drain.duration();
    if patience.is_zero() {
        info!(signal, connections = server.connection_count(), "shutting down");
        return server.shutdown().await;
    }
    let target = settings.drain_target.tc_url();
    let (connections, seconds) = (server.connection_count(), patience.as_secs_f64());
    info!(signal, connections, target, seconds, "draining");
    let cut_off = drain(server, signal, target, patience).await;
    if !server.has_failed() {
        info!(cut_off, "drained");
    }
}

/// Lets everybody leave, and stops when they have or the time is over; how many had not left.
async fn drain(server: &Backend, signal: &str, target: Option<&str>, patience: Duration) -> usize {
    let description = "The server is about to stop; please reconnect.".to_owned();
    let request = ReconnectRequest { tc_url: target.map(ToOwned::to_owned), description };
    let mut draining = pin!(server.drain(request, patience));
    tokio::select! {
        biased;
        cut_off = &mut draining => cut_off,
        () = sleep(patience) => {
            info!(signal, connections = server.connection_count(), "shutting down");
            draining.await
        }
    }
}

const FAILED: &str = "an event loop has failed, and with it the server";

/// Tells a person at a terminal what to do next.
fn greet(all_listening: &[Listening], demo: bool) {
    let places: Vec<String> = all_listening.iter().map(Listening::to_string).collect();
    let url = all_listening.first().map(|listening| base_url(listening.address)).unwrap_or_default();
    let mut text = format!(
        "Sol {} listens for RTMP on {}\n\
         Publish  ffmpeg -re -i FILE -c copy -f flv {url}/live/cam   (OBS: server {url}/live, stream key cam)\n\
         Play     ffplay {url}/live/cam\n",
        env!("CARGO_PKG_VERSION"),
        places.join(", "),
    );
    if demo {
        text.push_str(&format!("Demo     ffplay {url}/{}\n", demo::NAME));
    }
    // Where standard output is gone nobody is there to read it.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// The URL that works on this machine.
fn base_url(address: SocketAddr) -> String {
    const DEFAULT_PORT: u16 = 1935;
    let host = match address {
        _ if address.ip().is_unspecified() => "localhost".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    match address.port() {
        DEFAULT_PORT => format!("rtmp://{host}"),
        port => format!("rtmp://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_one_that_a_person_can_paste() {
        let table = [
            ("[::]:1935", "rtmp://localhost"),
            ("0.0.0.0:1936", "rtmp://localhost:1936"),
            ("192.0.2.7:1935", "rtmp://192.0.2.7"),
            ("[2001:db8::7]:1936", "rtmp://[2001:db8::7]:1936"),
        ];
        for (address, url) in table {
            assert_eq!(base_url(address.parse().unwrap()), url);
        }
    }
}
