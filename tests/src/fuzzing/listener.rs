//! Listener: what comes out of a session must be by the book, whatever went into it.

use crate::peer::amf;
use crate::peer::codec::ChunkReader;
use crate::peer::message::{Received, StreamId, TypeId, UserControl};

/// The other end of a session's output.
#[derive(Debug)]
pub(super) struct Listener {
    /// Bytes of the handshake that are still to come.
    greeting_left: usize,
    reader: ChunkReader,
    /// Messages of media, by the NetStreams that they came on.
    pub(super) media: Vec<StreamId>,
    pub(super) bytes: u64,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self { greeting_left: GREETING_BYTES, reader: ChunkReader::new(), media: Vec::new(), bytes: 0 }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (greeting, chunks) = bytes.split_at(self.greeting_left.min(bytes.len()));
        if let Some(&version) = greeting.first().filter(|_| self.greeting_left == GREETING_BYTES) {
            assert_eq!(version, 3);
        }
        self.greeting_left -= greeting.len();
        self.reader.feed(chunks);
        while let Some(message) = self.reader.poll().unwrap_or_else(|oddity| panic!("{oddity}")) {
            self.take(&message);
        }
    }

    fn take(&mut self, message: &Received) {
        match message.type_id {
            TypeId::COMMAND_AMF0 | TypeId::COMMAND_AMF3 => {
                let values = amf::read_all(&message.payload).unwrap_or_else(|oddity| panic!("{oddity}"));
                assert!(matches!(values[..], [amf::Amf::String(_), amf::Amf::Number(_), ..]), "{values:?}");
            }
            TypeId::USER_CONTROL => {
                assert!(UserControl::read(&message.payload).is_some(), "{:?}", message.payload);
            }
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0 | TypeId::DATA_AMF3 => {
                self.media.push(message.stream);
            }
            _ => {}
        }
    }
}

/// S0, S1 and S2, or C0, C1 and C2.
const GREETING_BYTES: usize = 1 + 2 * 1_536;
