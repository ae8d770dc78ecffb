//! Remote: a server at the other end, as `sol publish` and `sol play` reach it and speak of it.

mod moving;
mod parting;
mod voice;

pub(crate) use moving::{Arrived, Moves, Moving, leave, move_to, obeying, there};
pub(crate) use parting::Parting;
pub(crate) use voice::Voice;

use clap::{Args, ValueEnum};
use sol_tokio::sol_core::handshake::{HandshakeKind, Offer};
use sol_tokio::sol_core::session::{ServerWord, Target, Welcome};
use sol_tokio::sol_core::url::RtmpUrl;
use sol_tokio::{Client, SessionConfig};

/// How to talk to a server.
#[derive(Clone, Debug, Args)]
pub(crate) struct Manners {
    /// The handshake to begin with; servers that know no digest answer it with the simple one
    #[arg(long, value_enum, default_value_t = HandshakeForm::Digest)]
    handshake: HandshakeForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HandshakeForm {
    /// With a digest, as FFmpeg and Flash Player do
    Digest,
    /// Without one, as OBS does
    Simple,
}

impl Manners {
    /// Asks a server for what `target` says.
    pub(crate) async fn connect(
        &self,
        url: &RtmpUrl,
        mut target: Target,
        config: SessionConfig,
    ) -> Result<Client, Parting> {
        target.handshake = match self.handshake {
            HandshakeForm::Digest => Offer::Digest,
            HandshakeForm::Simple => Offer::Simple,
        };
        Client::connect(url, &target, config).await.map_err(|error| Parting::unreachable(url, &error))
    }
}

/// What a server said of itself, in a line.
pub(crate) fn welcome(url: &RtmpUrl, welcome: &Welcome) -> String {
    let server = if welcome.server.is_empty() { "a server that has no name" } else { &welcome.server };
    let handshake = match welcome.greeting.kind {
        HandshakeKind::Simple => "simple handshake",
        HandshakeKind::Digest(_) => "digest handshake",
    };
    format!("connected to {} ({server}, {handshake})", url.authority())
}

/// What a server said beside its answers, in a line.
pub(crate) fn word(word: &ServerWord) -> String {
    format!("the server says: {word}")
}

/// Bytes as people say them.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
