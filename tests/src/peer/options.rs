//! Options of a peer: in which lawful manner it behaves, and in which unlawful one.

use super::amf::Amf;
use super::codec::Headers;
use super::handshake::HandshakeKind;

/// How a peer behaves. The default is a plain modern client.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerOptions {
    /// Which handshake it makes.
    pub handshake: HandshakeKind,
    /// Where its random bytes come from.
    pub seed: u64,
    /// Sends a C2 that answers nothing.
    pub wrong_c2: bool,
    /// Sends C2 only when S2 has come, in one write with what was queued by then.
    pub glue_connect_to_c2: bool,
    /// Whether and when it announces a chunk size.
    pub chunk_size: ChunkSizeHabit,
    /// How short its message headers are.
    pub headers: Headers,
    /// What it calls itself in connect.
    pub flash_ver: String,
    /// The host in its tcUrl, with a port if need be.
    pub host: String,
    /// The objectEncoding of connect; 3 also lets the server use types 15 to 17.
    pub object_encoding: Option<u8>,
    /// More properties for connect.
    pub connect_extra: Vec<(String, Amf)>,
    /// Answers a ping request by itself.
    pub answers_pings: bool,
    /// Acknowledges by itself, once the server has announced a window.
    pub acknowledges: bool,
    /// Answers Set Peer Bandwidth with Window Acknowledgement Size by itself.
    pub answers_bandwidth: bool,
}

impl Default for PeerOptions {
    fn default() -> PeerOptions {
        PeerOptions {
            handshake: HandshakeKind::Simple,
            seed: 1,
            wrong_c2: false,
            glue_connect_to_c2: false,
            chunk_size: ChunkSizeHabit::BeforeConnect(4_096),
            headers: Headers::Compact,
            flash_ver: "FMLE/3.0 (compatible; sol-tests)".to_owned(),
            host: "localhost".to_owned(),
            object_encoding: None,
            connect_extra: Vec::new(),
            answers_pings: true,
            acknowledges: true,
            answers_bandwidth: true,
        }
    }
}

impl PeerOptions {
    /// The object that connect carries.
    pub(super) fn connect_properties(&self, app: &str) -> Amf {
        let tc_url = format!("rtmp://{}/{app}", self.host);
        let mut properties: Vec<(String, Amf)> = vec![
            ("app".to_owned(), app.into()),
            ("type".to_owned(), "nonprivate".into()),
            ("flashVer".to_owned(), self.flash_ver.as_str().into()),
            ("tcUrl".to_owned(), tc_url.as_str().into()),
        ];
        if let Some(encoding) = self.object_encoding {
            properties.push(("objectEncoding".to_owned(), f64::from(encoding).into()));
        }
        properties.extend(self.connect_extra.iter().cloned());
        Amf::Object(properties)
    }
}

/// When a peer announces its chunk size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkSizeHabit {
    /// Never: 128 for ever, as librtmp.
    Never,
    /// In front of connect, as OBS.
    BeforeConnect(u32),
    /// When connect has been granted, as FFmpeg.
    AfterConnect(u32),
}
