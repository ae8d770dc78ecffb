//! Neighbour: appending to one stream while another has a crowd. A server in this process; its publisher appends from a thread
//! of its own, as fast as a camera sends.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sol_tests::programs::Sol;
use sol_tokio::sol_core::timestamp::Timestamp;
use sol_tokio::{Content, Media, Publisher, Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Appends to `live/quiet`, which nobody plays, before and while `live/crowd` has so many players.
pub(crate) fn run() -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let runtime = Runtime::new().map_err(failed)?;
    let _inside = runtime.enter();
    let server = Server::new(ServerConfig::default(), ());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(failed)?;
    let url = format!("rtmp://{}/live/crowd", listener.local_addr().map_err(failed)?);
    runtime.spawn({
        let server = server.clone();
        async move { server.serve(listener).await }
    });
    let name = "live/quiet".parse().map_err(|error| format!("{error}"))?;
    let mut publisher = server.publish(name).map_err(|error| error.to_string())?;
    tell("alone", &mut appends_until(&mut publisher, |began| began.elapsed() > ALONE));

    let is_over = Arc::<AtomicBool>::default();
    let bench = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut bench = Command::new(Sol::binary());
            bench.args(["bench", "fanout", &url, "--players", PLAYERS, "--duration", "20"]);
            let outcome = bench.stderr(Stdio::inherit()).output();
            is_over.store(true, Ordering::Relaxed);
            outcome
        }
    });
    let mut took = appends_until(&mut publisher, |_| is_over.load(Ordering::Relaxed));
    let outcome = bench.join().map_err(|_| "the bench's thread panicked")?.map_err(failed)?;
    println!("{}", String::from_utf8_lossy(&outcome.stdout));
    tell(&format!("while {PLAYERS} players come to another stream and watch it"), &mut took);
    if outcome.status.success() { Ok(()) } else { Err("the bench found something wrong".to_owned()) }
}

/// How long each append took, 77 of them in a second: pictures and sounds.
fn appends_until(publisher: &mut Publisher, is_over: impl Fn(Instant) -> bool) -> Vec<Duration> {
    let began = Instant::now();
    let mut took = Vec::new();
    for number in 0_u32.. {
        let due = BETWEEN * number;
        thread::sleep(due.saturating_sub(began.elapsed()));
        if is_over(began) {
            break;
        }
        let mut payload = vec![0; 16_000];
        payload[..2].copy_from_slice(&[if number.is_multiple_of(60) { 0x17 } else { 0x27 }, 1]);
        let timestamp = Timestamp::from_millis(due.as_millis() as u32);
        let media = Media { timestamp, content: Content::Video(payload.into()) };
        let before = Instant::now();
        publisher.append(&media).expect("nobody takes its place");
        took.push(before.elapsed());
    }
    took
}

fn tell(when: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1e6;
    println!(
        "{when}: {} appends, p50 {:.1} us, p99 {:.1} us, longest {:.1} us",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
}

const PLAYERS: &str = "2500";

/// Without the crowd.
const ALONE: Duration = Duration::from_secs(5);

const BETWEEN: Duration = Duration::from_millis(13);
