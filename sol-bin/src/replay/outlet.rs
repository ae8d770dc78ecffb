//! Outlet: where lines go, as long as somebody reads them.

use std::io::{self, Write};

/// A writer; where the files of streams are written as well, one that may close before the end.
#[derive(Debug)]
pub(super) struct Outlet<W> {
    to: Option<W>,
    may_close: bool,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(to: W, may_close: bool) -> Outlet<W> {
        Outlet { to: Some(to), may_close }
    }

    fn with<T>(&mut self, nobody: T, act: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        let Some(to) = &mut self.to else { return Ok(nobody) };
        match act(to) {
            // Whoever read the lines has seen enough.
            Err(error) if self.may_close && error.kind() == io::ErrorKind::BrokenPipe => {
                self.to = None;
                Ok(nobody)
            }
            outcome => outcome,
        }
    }
}

impl<W: Write> Write for Outlet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(bytes.len(), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with((), W::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn what_nobody_reads_any_more_is_no_error_where_there_is_more_to_do() {
        assert!(Outlet::new(Closed, true).write_all(b"line").is_ok());
        assert!(Outlet::new(Closed, true).flush().is_ok());
        assert!(Outlet::new(Closed, false).write_all(b"line").is_err());
    }
}
