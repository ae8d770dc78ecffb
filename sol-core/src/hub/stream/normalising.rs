//! Normalising: what a publisher sends is put into normal form before anything else is known of it, on air or standing by.

use bytes::Bytes;

use crate::media::{Content, Media, Normalised, Oddity, Tag, TagError};
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::{Appended, Correction, PublisherRole, Repair, Stream};

impl Stream {
    /// What is to be appended of a message, by its header.
    #[inline]
    pub(super) fn normalise(
        &mut self,
        role: PublisherRole,
        tag: &Result<Option<Tag<'_>>, TagError>,
    ) -> Normalised {
        match (tag, self.config.repair) {
            (Ok(Some(tag)), Repair::Monotonic | Repair::Resync) => {
                let publisher = self.publishers.at_mut(role);
                publisher.map_or(Normalised::AsItIs, |publisher| publisher.normal_form.apply(tag))
            }
            (Ok(Some(_)), Repair::Off) | (Ok(None) | Err(_), _) => Normalised::AsItIs,
        }
    }

    /// Appends payloads in the place of one that came with this time.
    // Apart, since it is rare and a frame is not.
    #[cold]
    pub(super) fn append_instead(
        &mut self,
        role: PublisherRole,
        timestamp: Timestamp,
        (payloads, oddities): (Vec<Bytes>, &[Oddity]),
        now: Instant,
    ) -> Appended {
        if let Some(publisher) = self.publishers.at_mut(role) {
            oddities.iter().for_each(|&oddity| publisher.corrections.add(correction(oddity)));
        }
        let on_air = self.publishers.on_air() == Some(role);
        let mut all = Appended { grew: false, on_air, took_over: false, instead: None };
        for payload in &payloads {
            let media = Media { timestamp, content: Content::Video(payload.clone()) };
            let one = self.append_as(role, &media, &Tag::of(&media.content).transpose(), now);
            all = Appended {
                grew: all.grew | one.grew,
                on_air: one.on_air,
                took_over: all.took_over | one.took_over,
                instead: None,
            };
        }
        Appended { instead: Some(payloads), ..all }
    }
}

fn correction(oddity: Oddity) -> Correction {
    match oddity {
        Oddity::StartCodes => Correction::StartCodes,
        Oddity::EmptyUnits => Correction::EmptyUnits,
        Oddity::NoConfiguration => Correction::NoConfiguration,
        Oddity::UnofficialId => Correction::UnofficialId,
    }
}
