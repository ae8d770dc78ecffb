//! Replica: what a server must be told before it can make anything of what comes next. Each new connection begins with it.

use std::collections::BTreeMap;

use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::{Client, Media};

/// Metadata and codec configurations, the newest of each.
#[derive(Debug, Default)]
pub(super) struct Replica {
    known: BTreeMap<FrameKind, Media>,
    has_video: bool,
    /// Pictures that need earlier ones are of no use to a server that has none.
    awaits_keyframe: bool,
}

impl Replica {
    /// A connection has been allowed to publish: it is told what is known, with the time of what comes next.
    pub(super) fn begin(&mut self, client: &mut Client, next: Option<&Media>) {
        let is_next = |media: &Media| next.is_some_and(|next| next.content == media.content);
        for media in self.known.values().filter(|media| !is_next(media)) {
            let timestamp = next.map_or(media.timestamp, |next| next.timestamp);
            client.send(&Media { timestamp, content: media.content.clone() });
        }
        self.awaits_keyframe = self.has_video;
    }

    /// Whether a server that has heard nothing else can make use of all that comes from there on.
    pub(super) fn may_begin_with(&self, media: &Media) -> bool {
        match FrameKind::of(&media.content) {
            FrameKind::Keyframe(_) => true,
            kind => !self.has_video && kind.is_coded(),
        }
    }

    /// What came from the source, unless it is to be left out.
    pub(super) fn admit(&mut self, media: Media) -> Option<Media> {
        let kind = FrameKind::of(&media.content);
        self.has_video |= kind.is_video();
        if kind.is_preamble() {
            self.known.insert(kind, media.clone());
        }
        match kind {
            FrameKind::Keyframe(_) => self.awaits_keyframe = false,
            FrameKind::Interframe if self.awaits_keyframe => return None,
            _ => {}
        }
        Some(media)
    }
}
