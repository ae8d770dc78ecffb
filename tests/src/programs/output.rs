//! Output: what a program has written on one of its standard streams.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

/// Bytes that a thread of their own reads as they come.
#[derive(Clone, Debug)]
pub(super) struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    is_closed: bool,
}

/// How waiting ended.
#[derive(Debug)]
pub(super) enum Waited<T> {
    Found(T),
    /// The program closed the stream, and what was wanted is not in it.
    Closed,
    /// The deadline came.
    Late,
}

impl Output {
    /// Reads until the end.
    pub(super) fn collect(mut pipe: impl Read + Send + 'static) -> Self {
        let output = Self(Arc::default());
        let shared = Arc::clone(&output.0);
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            loop {
                let count = match pipe.read(&mut buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    outcome => outcome.unwrap_or(0),
                };
                let mut written = shared.written();
                written.bytes.extend_from_slice(&buffer[..count]);
                written.is_closed = count == 0;
                shared.changed.notify_all();
                if written.is_closed {
                    return;
                }
            }
        });
        output
    }

    /// Waits until `find` has found something in the whole lines so far. At the end, what is left counts as a line.
    pub(super) fn wait_for<T>(
        &self,
        deadline: Instant,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Waited<T> {
        loop {
            let written = self.0.written();
            let (length, is_closed) = (written.bytes.len(), written.is_closed);
            let lines = whole_lines(&written.bytes, is_closed);
            // What is looked for may be missing for good, and `find` may say so by a panic.
            drop(written);
            if let Some(found) = find(&lines) {
                return Waited::Found(found);
            }
            if is_closed {
                return Waited::Closed;
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Waited::Late;
            }
            let written = self.0.written();
            let is_unchanged = |written: &mut Written| written.bytes.len() == length && !written.is_closed;
            drop(self.0.changed.wait_timeout_while(written, patience, is_unchanged).expect(NOBODY_PANICS));
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.written().bytes.clone()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.written().bytes).into_owned()
    }
}

impl Shared {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect(NOBODY_PANICS)
    }
}

fn whole_lines(bytes: &[u8], is_closed: bool) -> String {
    let end = if is_closed {
        bytes.len()
    } else {
        bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
    };
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

const NOBODY_PANICS: &str = "nobody panics while it holds what a program wrote";
