//! What a server says of itself in answer to `connect` (RTMP 1.0, 7.2.1.1, and the customs of Flash Media Server).

use crate::amf::Properties;
use crate::media::FourCc;

use super::capabilities::{Ability, Capabilities, Extensions, FourCcList, FourCcMap, VideoFunctions};

/// What a server says of itself in the `_result` of `connect`: all but level, code and `objectEncoding`, which is the client's.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectReply {
    /// `fmsVer`. Clients look for the form, not for the numbers.
    pub server: String,
    /// `capabilities`: a number of Flash Media Server's that nobody has explained.
    pub capabilities: f64,
    /// `mode`.
    pub mode: f64,
    /// `description`, for people.
    pub description: String,
    /// What is stated of Enhanced RTMP. It stands in both objects: the specification says only that it is in one.
    pub enhanced: Capabilities,
    /// What else stands in the first object, behind all that. Of a name that is repeated the last counts for most clients.
    pub server_more: Properties,
    /// What else stands in the second.
    pub status_more: Properties,
}

impl ConnectReply {
    pub(super) fn server(&self) -> Properties {
        let server = Properties::new()
            .with("fmsVer", self.server.as_str())
            .with("capabilities", self.capabilities)
            .with("mode", self.mode);
        self.finished(server, &self.server_more)
    }

    pub(super) fn status(&self, object_encoding: f64) -> Properties {
        let status = Properties::new()
            .with("level", "status")
            .with("code", "NetConnection.Connect.Success")
            .with("description", self.description.as_str())
            .with("objectEncoding", object_encoding);
        self.finished(status, &self.status_more)
    }

    fn finished(&self, properties: Properties, more: &Properties) -> Properties {
        let mut properties = self.enhanced.behind(properties);
        for (name, value) in more.iter() {
            properties.push(name, value.clone());
        }
        properties
    }
}

impl Default for ConnectReply {
    fn default() -> Self {
        Self {
            server: "FMS/3,5,7,7009".to_owned(),
            capabilities: 31.0,
            mode: 1.0,
            description: "Connection succeeded.".to_owned(),
            enhanced: Capabilities::of_server(),
            server_more: Properties::new(),
            status_more: Properties::new(),
        }
    }
}

impl Capabilities {
    /// What a server states that passes media on as they are, whatever the codec, several tracks and ModEx among them; and that
    /// may ask its clients to reconnect.
    ///
    /// It decodes and encodes nothing, and "can forward any codec" is the specification's own example for `*`. The list of v1
    /// knows no such difference; it names each codec, for clients that look for theirs and not for `*`. The functions of video
    /// are worded for clients: that video metadata, HDR's among them, reach those who come late as well is what a
    /// server can say of them. Nobody seeks in a live stream, and cutting a tile out of a frame is a decoder's.
    pub fn of_server() -> Self {
        Self {
            four_ccs: Some(FourCcList::of(FourCc::VIDEO.into_iter().chain(FourCc::AUDIO))),
            video: Some(FourCcMap::any(Ability::FORWARD)),
            audio: Some(FourCcMap::any(Ability::FORWARD)),
            extensions: Some(
                Extensions::RECONNECT
                    | Extensions::MULTITRACK
                    | Extensions::MOD_EX
                    | Extensions::TIMESTAMP_NANO_OFFSET,
            ),
            video_functions: Some(VideoFunctions::HDR | VideoFunctions::METADATA),
        }
    }
}
