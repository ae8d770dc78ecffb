//! File descriptors: each connection and each file needs one, and the usual soft limit of 1 024 is soon reached.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises RLIMIT_NOFILE to its hard limit. Failing that, the server runs with what it has.
pub(crate) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(from = before, to = limit.maximum, "file descriptor limit raised"),
        Err(error) => tracing::warn!(limit = before, %error, "file descriptor limit cannot be raised"),
    }
}
