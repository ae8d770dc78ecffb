//! Input: the bytes of a file as they are wanted, whatever its reader gives at a time.
//!
//! Invariants: no more than what was wanted at once, and one read, is held. A position is that of the next byte in the
//! file.

use std::io::{self, ErrorKind, Read};

use super::limits::READ_BYTES;

#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What of the buffer waits to be looked at.
    from: usize,
    to: usize,
    position: u64,
    is_over: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Input<R> {
        Input { reader, buffer: Vec::new(), from: 0, to: 0, position: 0, is_over: false }
    }

    /// The next bytes, so many; fewer only where the file ends.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.to - self.from < count && !self.is_over {
            self.read(count)?;
        }
        Ok(&self.buffer[self.from..self.to.min(self.from + count)])
    }

    /// Goes on behind the next bytes, which were peeked at.
    pub(super) fn pass(&mut self, count: usize) {
        debug_assert!(count <= self.to - self.from, "only what was peeked at is passed");
        self.from += count;
        self.position += count as u64;
    }

    /// Goes on behind so many bytes, which are not held; how many of them there were.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let here = (self.to - self.from).min(usize::try_from(left).unwrap_or(usize::MAX));
            if here == 0 {
                if self.is_over {
                    break;
                }
                self.read(1)?;
                continue;
            }
            self.pass(here);
            left -= here as u64;
        }
        Ok(count - left)
    }

    /// Where the next byte is in the file.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Reads once, with room for so many bytes.
    fn read(&mut self, count: usize) -> io::Result<()> {
        let room = count.max(READ_BYTES);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        if self.from + count > self.buffer.len() || self.from == self.to {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        match self.reader.read(&mut self.buffer[self.to..]) {
            Ok(0) => self.is_over = true,
            Ok(count) => self.to += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_comes_together_from_single_bytes() {
        let mut input = Input::new(Drops(b"abcdefgh"));
        assert_eq!(input.peek(3).unwrap(), b"abc");
        input.pass(2);
        assert_eq!(input.peek(4).unwrap(), b"cdef");
        assert_eq!(input.skip(3).unwrap(), 3);
        assert_eq!(input.peek(100).unwrap(), b"fgh");
        assert_eq!(input.position(), 5);
        assert_eq!(input.skip(7).unwrap(), 3);
        assert_eq!(input.peek(1).unwrap(), b"");
    }

    #[test]
    fn no_more_is_held_than_is_wanted_at_once() {
        let bytes = vec![7; 10 * READ_BYTES];
        let mut input = Input::new(&bytes[..]);
        for _ in 0..10 * READ_BYTES / 1_000 {
            assert_eq!(input.peek(1_000).unwrap().len(), 1_000);
            input.pass(1_000);
        }
        assert_eq!(input.buffer.len(), READ_BYTES);
    }

    #[test]
    fn a_read_that_is_interrupted_is_tried_again() {
        struct Interrupted(bool);
        impl Read for Interrupted {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                if !std::mem::replace(&mut self.0, true) {
                    return Err(ErrorKind::Interrupted.into());
                }
                (&b"abc"[..]).read(into)
            }
        }
        assert_eq!(Input::new(Interrupted(false)).peek(3).unwrap(), b"abc");
    }

    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(into.len()).min(1);
            self.0.read(&mut into[..count])
        }
    }
}
