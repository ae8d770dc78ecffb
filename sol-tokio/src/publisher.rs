//! Publisher: a stream that comes from within the process.

use std::sync::Arc;

use sol_core::hub::{Parting, Publication, PublishRefused, Streams};
use sol_core::media::Media;
use sol_core::name::StreamName;
use tokio::sync::Notify;

use crate::application::Application;
use crate::server::{Server, Shared};
use crate::streams::Seat;

/// The right to append to a stream without a connection: for what an embedder makes or fetches itself. It has its name to
/// itself like any other publisher.
///
/// Dropped, it has vanished: its players wait for another to take its place, for the stream's grace. A shutdown of the
/// server does not end it.
#[derive(Debug)]
pub struct Publisher<A: Application> {
    shared: Arc<Shared<A>>,
    name: StreamName,
    /// `None` once it is over.
    place: Option<(Arc<Seat>, Publication)>,
    /// Nobody wakes a publisher.
    unwoken: Arc<Notify>,
}

impl<A: Application> Server<A> {
    /// Publishes a stream from within the process. The application's policy is not asked.
    ///
    /// # Errors
    /// [`PublishRefused`]: somebody publishes it, or there are too many streams.
    pub fn publish(&self, name: StreamName) -> Result<Publisher<A>, PublishRefused> {
        let (shared, unwoken) = (Arc::clone(&self.shared), Arc::new(Notify::new()));
        let place = shared.streams.seen_by(&unwoken).publish(&name)?;
        shared.published_within().insert(name.clone());
        Ok(Publisher { shared, name, place: Some(place), unwoken })
    }
}

impl<A: Application> Publisher<A> {
    /// Appends one message and wakes the players that wait for it. Costs one copy, whatever their number.
    ///
    /// # Panics
    /// If the payload is longer than [`limits::MESSAGE_BYTES`](sol_core::limits::MESSAGE_BYTES).
    pub fn append(&mut self, media: &Media) {
        let (seat, publication) = self.place.as_ref().expect("only `finish` and `drop` end it");
        let mut streams = self.shared.streams.seen_by(&self.unwoken);
        let grew = streams.write(seat, |stream| stream.append(publication, media));
        if grew.expect("nobody else can end this publication") {
            streams.advanced(seat);
        }
    }

    /// Ends the stream in good order: its players read what is left and are told.
    pub fn finish(mut self) {
        self.part(Parting::InGoodOrder);
    }

    /// What it publishes.
    pub fn name(&self) -> &StreamName {
        &self.name
    }

    fn part(&mut self, parting: Parting) {
        if let Some((seat, publication)) = self.place.take() {
            self.shared.published_within().remove(&self.name);
            let mut streams = self.shared.streams.seen_by(&self.unwoken);
            streams.unpublish(&self.name, seat, publication, parting, self.shared.now());
        }
    }
}

impl<A: Application> Drop for Publisher<A> {
    fn drop(&mut self) {
        self.part(Parting::Vanished);
    }
}
