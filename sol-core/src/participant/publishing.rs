//! Publishing: what a publisher sends comes to its stream, and what it is told when another has taken its place or the air.

use smallvec::SmallVec;

use crate::hub::{Replaced, Streams};
use crate::ids::MessageStreamId;
use crate::limits;
use crate::media::Media;
use crate::time::Instant;

use super::{EndReason, Event, Part, Participant};

impl<H: std::fmt::Debug> Participant<H> {
    /// Appends what a publisher sent.
    pub(super) fn append(
        &mut self,
        stream: MessageStreamId,
        media: &Media,
        streams: &mut impl Streams<Handle = H>,
        now: Instant,
    ) {
        let Some(role) = self.roles.iter_mut().find(|role| role.stream == stream) else { return };
        let Part::Publisher { publication, has_appended, heard, on_air, tracks, .. } = &mut role.part else {
            return;
        };
        *heard = now;
        match streams.append(&role.handle, publication, media, now) {
            Ok(appended) => {
                role.summary.frames += 1;
                role.summary.bytes += media.content.payload().len() as u64;
                *has_appended |= appended.grew;
                if std::mem::replace(on_air, appended.on_air) != appended.on_air {
                    let (name, on_air) = (role.name.clone(), appended.on_air);
                    self.events.push_back(Event::OnAir { stream, name, on_air });
                }
                // Of a stream that is at home on another loop nobody here knows what is made of a message: there it is described as
                // it came, and what it says neither itself nor as a record is not said.
                for (kind, track, description) in
                    tracks.hear(&media.content, appended.instead.as_deref(), now)
                {
                    let (name, description) = (role.name.clone(), Box::new(description));
                    self.events.push_back(Event::Described { stream, name, kind, track, description });
                }
            }
            Err(Replaced) => self.make_way(stream, streams, now),
        }
    }

    /// Looks whether another publisher has taken the place of one of whom nothing may come any more.
    pub(super) fn look_for_successors(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        let mut over = SmallVec::<[MessageStreamId; 1]>::new();
        for role in &mut self.roles {
            if let Part::Publisher { publication, look_at, .. } = &mut role.part
                && *look_at <= now
            {
                *look_at = now + limits::SUCCESSOR_LOOK_TIME;
                match streams.corrections(&role.handle, publication) {
                    // Nobody knows them any more once it is replaced.
                    Ok(corrections) => role.summary.corrections = corrections,
                    Err(Replaced) => over.push(role.stream),
                }
            }
        }
        for stream in over {
            self.make_way(stream, streams, now);
        }
    }

    /// Another publisher has taken the place of this one, which is told.
    fn make_way(&mut self, stream: MessageStreamId, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.end_publish(stream, now);
        self.end(stream, &EndReason::Replaced, streams, now);
    }
}
