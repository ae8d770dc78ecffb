//! Safety nets against a claim that hangs, and a process of its own for one that needs the whole of it.

use std::panic::resume_unwind;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a claim, which may take a minute.
pub(crate) fn within_a_minute(claim: impl FnOnce() + Send + 'static) {
    let (over, is_over) = mpsc::channel::<()>();
    let claim = thread::spawn(move || {
        // Dropped at the end, however that is.
        let _over = over;
        claim();
    });
    match is_over.recv_timeout(MINUTE) {
        Err(RecvTimeoutError::Timeout) => panic!("the claim hangs"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
    }
    if let Err(panic) = claim.join() {
        resume_unwind(panic);
    }
}

/// The same in a process in which nothing else runs: this program once more, for the test of this name alone.
pub(crate) fn alone(test: &str, claim: impl FnOnce() + Send + 'static) {
    if std::env::var_os(ALONE).is_some() {
        return within_a_minute(claim);
    }
    let (_, test) = test.split_once("::").expect("a path begins with its crate");
    let program = std::env::current_exe().expect("this program has a file");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ALONE, "");
    let ended = command.output().expect("a program that runs can be run");
    let words = String::from_utf8_lossy(&ended.stdout);
    let has_run = words.contains("1 passed");
    assert!(ended.status.success() && has_run, "{words}{}", String::from_utf8_lossy(&ended.stderr));
}

/// Looks again and again, for what nobody tells.
pub(crate) fn wait_until(reached: impl Fn() -> bool) {
    let deadline = Instant::now() + MINUTE;
    while !reached() {
        assert!(Instant::now() < deadline, "never reached");
        thread::yield_now();
    }
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

const ALONE: &str = "SOL_CONFORMANCE_ALONE";
