//! Publisher: sends a pattern in real time, and reads nothing meanwhile, as OBS does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sol_tokio::sol_core::ids::MessageType;

use super::client::Client;
use super::monotonic_nanos;
use super::pattern::{AUDIO_CONFIG, Pattern, VIDEO_CONFIG};

/// A publisher at work.
#[derive(Debug)]
pub(super) struct Publishing {
    is_over: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Publishing {
    /// Begins, on a connection that may.
    pub(super) fn begin(client: Client, pattern: Pattern, stream: u32) -> anyhow::Result<Self> {
        let (is_over, bytes) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let thread = thread::spawn({
            let (is_over, bytes) = (Arc::clone(&is_over), Arc::clone(&bytes));
            move || publish(client, pattern, stream, &is_over, &bytes)
        });
        Ok(Self { is_over, bytes, thread })
    }

    /// Payload bytes that have been sent.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends; what went wrong until then.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the publisher's thread panicked")))
    }
}

fn publish(
    mut client: Client,
    pattern: Pattern,
    stream: u32,
    is_over: &AtomicBool,
    bytes: &AtomicU64,
) -> anyhow::Result<()> {
    client.send_media(MessageType::VIDEO, Duration::ZERO, VIDEO_CONFIG)?;
    client.send_media(MessageType::AUDIO, Duration::ZERO, AUDIO_CONFIG)?;
    let (began, began_nanos) = (Instant::now(), monotonic_nanos());
    for item in pattern.items(stream) {
        thread::sleep(item.due.saturating_sub(began.elapsed()));
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        // Under way since it was due, also where this thread or the server was late.
        let payload = item.payload(began_nanos + item.due.as_nanos() as u64);
        client.send_media(item.kind.message_type(), item.due, &payload)?;
        bytes.fetch_add(item.length as u64, Ordering::Relaxed);
    }
    Ok(())
}
