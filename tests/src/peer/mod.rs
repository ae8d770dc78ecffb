//! An RTMP client without a socket, in the role of publisher, player or both.
//!
//! Bytes go in with [`Peer::feed`], bytes come out of [`Peer::take_output`]; commands are methods
//! that queue bytes. It serves a virtual world as well as a real socket.
//!
//! It reads by the book: the first thing that a server does otherwise is an [`Oddity`], and the
//! last thing that the peer reads. It writes by the book unless it is told not to.

pub mod amf;
pub mod codec;
pub(crate) mod filler;
pub mod handshake;
mod log;
pub mod message;
mod oddity;
mod options;
mod outbox;
pub mod pattern;
pub mod run;
pub mod script;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use log::{Announced, Status};
pub use oddity::Oddity;
pub use options::{ChunkSizeHabit, PeerOptions};

use amf::Amf;
use codec::{ChunkReader, ChunkWriter, Framing};
use handshake::Handshake;
use log::Log;
use message::{ChunkStream, Message, Received, StreamId, TypeId, UserControl};
use outbox::Outbox;

/// One client connection.
#[derive(Debug)]
pub struct Peer {
    options: PeerOptions,
    handshake: Handshake,
    c2_queued: bool,
    reader: ChunkReader,
    writer: ChunkWriter,
    outbox: Outbox,
    log: Log,
    transactions: u32,
    bytes_received: u64,
    bytes_acknowledged: u64,
    window_announced: Option<u32>,
    oddity: Option<Oddity>,
}

impl Peer {
    /// A client that has just been connected: C0 and C1 wait in the output.
    pub fn new(options: PeerOptions) -> Peer {
        let handshake = Handshake::new(options.handshake, options.seed);
        let mut outbox = Outbox::default();
        outbox.push_handshake(&handshake.opening());
        let log = Log::new(options.object_encoding == Some(3));
        Peer {
            options,
            handshake,
            c2_queued: false,
            reader: ChunkReader::new(),
            writer: ChunkWriter::new(),
            outbox,
            log,
            transactions: 0,
            bytes_received: 0,
            bytes_acknowledged: 0,
            window_announced: None,
            oddity: None,
        }
    }

    /// Takes bytes as they came, and answers what a client answers by itself: handshake, pings,
    /// windows. An oddity is final.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Oddity> {
        if let Some(oddity) = &self.oddity {
            return Err(oddity.clone());
        }
        self.bytes_received += bytes.len() as u64;
        let result = self.read(bytes);
        self.oddity = result.as_ref().err().cloned();
        result
    }

    /// What the client would give to one `write`; empty when there is nothing. To be called until
    /// it is empty: C2 and what follows are two writes unless they are to be glued.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.outbox.take()
    }

    /// Ends the current write: what is queued next comes in another.
    pub fn cut_write(&mut self) {
        self.outbox.cut();
    }

    /// Queues connect, with SetChunkSize before it if that is the habit. Before the handshake is
    /// over it waits for that, as everything that is queued does. Returns the transaction.
    pub fn connect(&mut self, app: &str) -> u32 {
        if let ChunkSizeHabit::BeforeConnect(size) = self.options.chunk_size {
            self.set_chunk_size(size);
        }
        let properties = self.options.connect_properties(app);
        self.call(StreamId::CONNECTION, "connect", &[properties])
    }

    /// Queues createStream and returns its transaction.
    pub fn create_stream(&mut self) -> u32 {
        self.call(StreamId::CONNECTION, "createStream", &[Amf::Null])
    }

    /// Queues publish as a live stream.
    pub fn publish(&mut self, stream: StreamId, name: &str) {
        self.tell(stream, "publish", &[Amf::Null, name.into(), "live".into()]);
    }

    /// Queues play of a live stream, or of a recorded one if there is no live one.
    pub fn play(&mut self, stream: StreamId, name: &str) {
        self.tell(stream, "play", &[Amf::Null, name.into(), Amf::Number(-2_000.0)]);
    }

    /// Queues pause, or its end, at a time in the stream.
    pub fn pause(&mut self, stream: StreamId, pause: bool, at_ms: u32) {
        self.tell(stream, "pause", &[Amf::Null, pause.into(), f64::from(at_ms).into()]);
    }

    /// Queues receiveAudio.
    pub fn receive_audio(&mut self, stream: StreamId, receive: bool) {
        self.tell(stream, "receiveAudio", &[Amf::Null, receive.into()]);
    }

    /// Queues receiveVideo.
    pub fn receive_video(&mut self, stream: StreamId, receive: bool) {
        self.tell(stream, "receiveVideo", &[Amf::Null, receive.into()]);
    }

    /// Queues deleteStream, which belongs to the connection.
    pub fn delete_stream(&mut self, stream: StreamId) {
        let number = f64::from(stream.0);
        self.tell(StreamId::CONNECTION, "deleteStream", &[Amf::Null, number.into()]);
    }

    /// Queues closeStream.
    pub fn close_stream(&mut self, stream: StreamId) {
        self.tell(stream, "closeStream", &[Amf::Null]);
    }

    /// Queues a command that is answered and returns its transaction; the values follow that.
    pub fn call(&mut self, stream: StreamId, name: &str, values: &[Amf]) -> u32 {
        self.transactions += 1;
        self.command(stream, name, self.transactions, values);
        self.transactions
    }

    /// Queues a command that has no answer (7.2.2: transaction 0); the values follow that.
    pub fn tell(&mut self, stream: StreamId, name: &str, values: &[Amf]) {
        self.command(stream, name, 0, values);
    }

    /// Queues a message of audio, video or data.
    pub fn send_media(&mut self, stream: StreamId, type_id: TypeId, timestamp_ms: u32, payload: Bytes) {
        let chunk_stream = if type_id == TypeId::VIDEO { ChunkStream::VIDEO } else { ChunkStream::AUDIO };
        self.send(Message { chunk_stream, timestamp_ms, type_id, stream, payload });
    }

    /// Queues onMetaData behind @setDataFrame.
    pub fn send_metadata(&mut self, stream: StreamId, timestamp_ms: u32, metadata: Amf) {
        let payload = amf::write_all(&["@setDataFrame".into(), "onMetaData".into(), metadata]);
        self.send_media(stream, TypeId::DATA_AMF0, timestamp_ms, payload.into());
    }

    /// Queues Set Chunk Size and from there on cuts messages so.
    pub fn set_chunk_size(&mut self, size: u32) {
        self.send_control(TypeId::SET_CHUNK_SIZE, &size.to_be_bytes());
        self.writer.set_chunk_size(size);
    }

    /// Queues Window Acknowledgement Size: the server shall acknowledge so often.
    pub fn set_window_ack_bytes(&mut self, size: u32) {
        self.window_announced = Some(size);
        self.send_control(TypeId::WINDOW_ACK_SIZE, &size.to_be_bytes());
    }

    /// Queues a User Control event.
    pub fn send_user_control(&mut self, event: UserControl) {
        self.send_control(TypeId::USER_CONTROL, &event.to_payload());
    }

    /// Queues a protocol control message of any payload.
    pub fn send_control(&mut self, type_id: TypeId, payload: &[u8]) {
        self.send(Message {
            chunk_stream: ChunkStream::CONTROL,
            timestamp_ms: 0,
            type_id,
            stream: StreamId::CONNECTION,
            payload: Bytes::copy_from_slice(payload),
        });
    }

    /// Queues any message in any framing.
    pub fn send_raw_message(&mut self, message: &Message, framing: Framing) {
        self.log.know(message.stream);
        let mut bytes = Vec::new();
        self.writer.write(message, framing, &mut bytes);
        self.outbox.push(&bytes);
    }

    /// Queues bytes that no writer wrote.
    pub fn send_raw_bytes(&mut self, bytes: &[u8]) {
        self.outbox.push(bytes);
    }

    /// The writing end, to cut messages by hand for `send_raw_bytes`.
    pub fn writer(&mut self) -> &mut ChunkWriter {
        &mut self.writer
    }

    /// Whether the handshake is over and good.
    pub fn handshake_is_over(&self) -> bool {
        self.outbox.is_open()
    }

    /// What the server did that is not by the book.
    pub fn oddity(&self) -> Option<&Oddity> {
        self.oddity.as_ref()
    }

    /// Bytes that came, the handshake among them.
    pub fn bytes_received(&self) -> u64 {
        self.bytes_received
    }

    /// Bytes that were taken from the output, the handshake among them.
    pub fn bytes_sent(&self) -> u64 {
        self.outbox.bytes_taken()
    }

    /// How it was asked to behave.
    pub fn options(&self) -> &PeerOptions {
        &self.options
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Oddity> {
        if self.handshake_is_over() {
            self.reader.feed(bytes);
        } else {
            let behind = self.handshake.feed(bytes)?;
            let over = behind.is_some();
            let c2 = self.handshake.c2().filter(|_| !self.c2_queued);
            if let Some(c2) = c2.filter(|_| over || !self.options.glue_connect_to_c2) {
                let mut c2 = *c2;
                if self.options.wrong_c2 {
                    c2.reverse();
                }
                self.outbox.push_handshake(&c2);
                if !self.options.glue_connect_to_c2 {
                    self.outbox.cut();
                }
                self.c2_queued = true;
            }
            let Some(behind) = behind else { return Ok(()) };
            self.outbox.open();
            self.reader.feed(&behind);
        }
        while let Some(message) = self.reader.poll()? {
            self.log.take(message.clone(), self.outbox.bytes_taken())?;
            self.react(&message);
        }
        self.acknowledge_when_due();
        Ok(())
    }

    fn react(&mut self, message: &Received) {
        match message.type_id {
            TypeId::USER_CONTROL => {
                if let Some(UserControl::PingRequest(time)) = UserControl::read(&message.payload)
                    && self.options.answers_pings
                {
                    self.send_user_control(UserControl::PingResponse(time));
                }
            }
            TypeId::SET_PEER_BANDWIDTH => {
                if let Some((size, _)) = self.announced().peer_bandwidth
                    && self.options.answers_bandwidth
                    && self.window_announced != Some(size)
                {
                    self.set_window_ack_bytes(size);
                }
            }
            TypeId::COMMAND_AMF0 | TypeId::COMMAND_AMF3 => {
                let connected = self.commands().last().is_some_and(|command| {
                    command.name == "_result" && command.answers.as_deref() == Some("connect")
                });
                if let ChunkSizeHabit::AfterConnect(size) = self.options.chunk_size
                    && connected
                {
                    self.set_chunk_size(size);
                }
            }
            _ => {}
        }
    }

    fn acknowledge_when_due(&mut self) {
        let Some(window) = self.announced().window_ack_bytes else { return };
        let due = self.bytes_received - self.bytes_acknowledged >= u64::from(window);
        if due && self.options.acknowledges {
            self.bytes_acknowledged = self.bytes_received;
            // The number on the wire wraps (5.4.3).
            let sequence = self.bytes_received as u32;
            self.send_control(TypeId::ACKNOWLEDGEMENT, &sequence.to_be_bytes());
        }
    }

    fn command(&mut self, stream: StreamId, name: &str, transaction: u32, values: &[Amf]) {
        self.log.ask(transaction, name);
        let mut payload = amf::write_all(&[name.into(), f64::from(transaction).into()]);
        payload.extend(amf::write_all(values));
        let chunk_stream = match stream {
            StreamId::CONNECTION => ChunkStream::COMMAND,
            _ => ChunkStream::STREAM_COMMAND,
        };
        let (type_id, payload) = (TypeId::COMMAND_AMF0, payload.into());
        self.send(Message { chunk_stream, timestamp_ms: 0, type_id, stream, payload });
    }

    fn send(&mut self, message: Message) {
        let framing = self.writer.framing_for(&message, self.options.headers);
        self.send_raw_message(&message, framing);
    }
}
