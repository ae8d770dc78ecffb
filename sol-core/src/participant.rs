//! Participant: a session with its role in the hub. How an event of one becomes a call on the other.
//!
//! A participant is driven like its [`Session`], by *touch, then drain*, with one more thing to pass in: where its
//! streams are. When a stream that it is armed for has advanced, the driver says
//! [`Participant::handle_advanced`].

mod event;
mod publishing;
mod report;
mod waiting;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::time::Duration;

use smallvec::SmallVec;

use crate::frame::{Bundle, Frame};
use crate::hub::{
    Bid, Ending, FormRefused, Parting, Playhead, Publication, PublishRefused, Purpose, Read, Stream, Streams,
    TooManyStreams,
};
use crate::ids::{MessageStreamId, RequestId};
use crate::limits;
use crate::media::description::KnownTracks;
use crate::media::{Form, TrackKind};
use crate::name::StreamName;
use crate::session::{
    Capabilities, CloseReason, Deadline, Event as SessionEvent, PeerEnd, PlayEnd, Refusal, Request,
    RequestKind, Session, Stage, StaleRequest, Timer,
};
use crate::time::Instant;

use waiting::waiting_time;

pub use event::{EndReason, Event, Summary};
pub use report::{Activity, RoleReport};

/// One connection with what it publishes and plays. `H` is how the driver reaches a stream.
#[derive(Debug)]
pub struct Participant<H> {
    session: Session,
    roles: SmallVec<[Role<H>; 1]>,
    events: VecDeque<Event>,
}

/// What one NetStream does in the hub.
#[derive(Debug)]
struct Role<H> {
    stream: MessageStreamId,
    name: StreamName,
    handle: H,
    part: Part,
    since: Instant,
    summary: Summary,
}

#[derive(Debug)]
enum Part {
    Publisher {
        publication: Publication,
        /// Players have not been woken since.
        has_appended: bool,
        /// When something came last.
        heard: Instant,
        /// Whether players get what it sends, as far as was told.
        on_air: bool,
        /// When to look whether its place has been taken, though nothing comes of it.
        look_at: Instant,
        /// What it sends, as far as was told.
        tracks: KnownTracks,
    },
    Player {
        playhead: Playhead,
        /// When to give up waiting for a publisher. `None` once a frame has come, and where there was a publisher when
        /// playing began or the time was over.
        waits_until: Option<Instant>,
        /// It has read all there was and will be woken: there is no need to look.
        is_armed: bool,
    },
}

/// What is taken from a tape at a time.
enum Piece {
    Frame(Frame),
    Bundle(Bundle),
}

impl<H> Role<H> {
    /// What went through up to this moment.
    fn summary_at(&self, now: Instant) -> Summary {
        Summary { lasted: now.saturating_since(self.since), ..self.summary }
    }
}

impl Part {
    fn kind(&self) -> RequestKind {
        match self {
            Part::Publisher { .. } => RequestKind::Publish,
            Part::Player { .. } => RequestKind::Play,
        }
    }

    fn form(&self) -> Form {
        match self {
            Part::Publisher { .. } => Form::Full,
            Part::Player { playhead, .. } => playhead.form(),
        }
    }
}

impl<H: std::fmt::Debug> Participant<H> {
    /// A connection that does nothing yet.
    pub fn new(session: Session) -> Self {
        Self { session, roles: SmallVec::new(), events: VecDeque::new() }
    }

    // --- From the world: as for `Session`, and then what follows from it in the hub -------------------------

    /// See [`Session::handle_input`].
    pub fn handle_input(&mut self, bytes: &[u8], streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_input(bytes, now);
        self.follow(streams, now);
    }

    /// See [`Session::handle_sent`].
    pub fn handle_sent(&mut self, count: usize, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_sent(count, now);
        self.follow(streams, now);
    }

    /// See [`Session::handle_end`].
    pub fn handle_end(&mut self, end: PeerEnd, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_end(end, now);
        self.follow(streams, now);
    }

    /// See [`Session::handle_timeout`].
    pub fn handle_timeout(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_timeout(now);
        self.stop_waiting(streams, now);
        self.look_for_successors(streams, now);
        self.follow(streams, now);
    }

    /// A stream that this participant is armed for has advanced.
    pub fn handle_advanced(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_wake(now);
        self.look_again();
        self.follow(streams, now);
    }

    // --- Answers and commands of the application -----------------------------------------------------------

    /// The peer may publish or play. The hub can refuse all the same, where the name is in use or there are too
    /// many streams: [`Event::Refused`] tells.
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait. Harmless.
    pub fn allow(
        &mut self,
        request: RequestId,
        streams: &mut impl Streams<Handle = H>,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        let waiting = self.session.waiting().filter(|waiting| waiting.id == request);
        let asked = waiting.ok_or(StaleRequest(request))?.clone();
        match self.enter(&asked, streams, now) {
            Ok(role) => {
                let (stream, kind, name) = (asked.stream, asked.kind, asked.name);
                let form = role.part.form();
                self.events.push_back(Event::Started { stream, kind, name, form });
                if let Part::Publisher { on_air: false, .. } = role.part {
                    self.events.push_back(Event::OnAir { stream, name: role.name.clone(), on_air: false });
                }
                let awaits = matches!(role.part, Part::Player { waits_until: Some(_), .. });
                self.roles.push(role);
                if awaits {
                    self.session.allow_to_await(request, now)?;
                } else {
                    self.session.allow(request, now)?;
                }
            }
            Err(refusal) => {
                self.look_again();
                self.session.refuse(request, &refusal, now)?;
            }
        }
        self.follow(streams, now);
        Ok(())
    }

    /// The peer may not publish or play.
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait. Harmless.
    pub fn refuse(
        &mut self,
        request: RequestId,
        why: &Refusal,
        streams: &mut impl Streams<Handle = H>,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        self.session.refuse(request, why, now)?;
        self.follow(streams, now);
        Ok(())
    }

    /// See [`Session::handle_stage`]. Where the server shuts down, what the connection publishes and plays ends at once. Where it
    /// drains, what is played ends as soon as nobody publishes it: no publisher returns, and none comes.
    pub fn handle_stage(&mut self, stage: &Stage, streams: &mut impl Streams<Handle = H>, now: Instant) {
        self.session.handle_stage(stage, now);
        match stage {
            Stage::Draining(_) => self.expect_no_publisher(streams, now),
            Stage::Serving | Stage::ShutDown => {}
        }
        self.follow(streams, now);
    }

    // --- To the world --------------------------------------------------------------------------------------

    /// The next thing that the application should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether [`Participant::poll_event`] has something to tell.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// See [`Session::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let roles = self.roles.iter().filter_map(|role| match role.part {
            Part::Player { waits_until, .. } => Some(Deadline { at: waits_until?, timer: Timer::Waiting }),
            Part::Publisher { look_at, .. } => Some(Deadline { at: look_at, timer: Timer::Successor }),
        });
        roles.chain(self.session.poll_timeout()).min_by_key(|deadline| deadline.at)
    }

    /// See [`Session::outbound`].
    pub fn outbound<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.session.outbound(slices)
    }

    /// The connection, for questions.
    pub fn session(&self) -> &Session {
        &self.session
    }

    // --- What follows in the hub ---------------------------------------------------------------------------

    /// Carries the session's events into the hub, and frames from the hub into the session.
    fn follow(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                SessionEvent::Media { stream, media } => self.append(stream, &media, streams, now),
                // A participant is in the server's role.
                SessionEvent::Welcomed(_)
                | SessionEvent::Granted(_)
                | SessionEvent::Told(_)
                | SessionEvent::Reconnect(_) => {}
                SessionEvent::Connected(connected) => self.events.push_back(Event::Connected(connected)),
                SessionEvent::Requested(request) => {
                    self.events.push_back(Event::Requested(request));
                }
                SessionEvent::Refused { stream: _, kind, name, why } => {
                    self.events.push_back(Event::Refused { kind, name, why });
                }
                SessionEvent::Paused { stream, paused } => self.pause(stream, paused, streams),
                SessionEvent::Selected { stream, track, wanted } => {
                    self.select(stream, track, wanted, streams);
                }
                SessionEvent::Stopped(stream) => self.end(stream, &EndReason::Stopped, streams, now),
                SessionEvent::Closed { why, hangup } => {
                    self.end_all(&why, streams, now);
                    self.events.push_back(Event::Closed { why, hangup });
                }
            }
        }
        for role in &mut self.roles {
            if let Part::Publisher { has_appended, .. } = &mut role.part
                && std::mem::take(has_appended)
            {
                streams.appended(&role.handle, now);
            }
        }
        if let Some(reason) = self.session.closing().cloned() {
            self.end_all(&reason, streams, now);
        }
        self.fill(streams, now);
    }

    /// Takes the place in the hub that was asked for.
    fn enter(
        &mut self,
        asked: &Request,
        streams: &mut impl Streams<Handle = H>,
        now: Instant,
    ) -> Result<Role<H>, Refusal> {
        let name = asked.name.clone();
        let (handle, part) = match asked.kind {
            RequestKind::Publish => {
                let (handle, publication) = streams.publish(&name, &Bid::of_query(&asked.query), now)?;
                let on_air = streams.is_on_air(&handle, &publication).unwrap_or(false);
                let look_at = now + limits::SUCCESSOR_LOOK_TIME;
                let tracks = KnownTracks::default();
                (
                    handle,
                    Part::Publisher { publication, has_appended: false, heard: now, on_air, look_at, tracks },
                )
            }
            RequestKind::Play => {
                let handle = streams.hold(&name, Purpose::Play)?;
                if self.session.is_draining() {
                    Self::drain_stream(&handle, streams);
                }
                let capabilities = self.session.capabilities();
                let subscribed =
                    streams.write(&handle, |stream| subscribe(stream, &asked.query, capabilities));
                let (playhead, waiting) = match subscribed {
                    Ok(subscribed) => subscribed,
                    Err(refusal) => {
                        streams.release(&name, handle);
                        return Err(refusal);
                    }
                };
                let waits_until = waiting.map(|waiting| now + waiting);
                (handle, Part::Player { playhead, waits_until, is_armed: false })
            }
        };
        Ok(Role { stream: asked.stream, name, handle, part, since: now, summary: Summary::default() })
    }

    /// Gives the place in the hub back. A publisher whose connection ended may return within the stream's grace; one that
    /// said that it ends does not.
    fn leave(role: Role<H>, why: &EndReason, streams: &mut impl Streams<Handle = H>, now: Instant) {
        let parting = match why {
            EndReason::Closed(CloseReason::ClosedByPeer)
            | EndReason::Stopped
            | EndReason::StreamEnded
            | EndReason::NotFound
            | EndReason::TimelineFull
            | EndReason::TooSlow
            | EndReason::Unfit(_)
            | EndReason::Replaced => Parting::InGoodOrder,
            EndReason::Closed(CloseReason::Shutdown) => Parting::ShutDown,
            EndReason::Closed(_) => Parting::Vanished,
        };
        match role.part {
            Part::Publisher { publication, .. } => {
                streams.unpublish(&role.name, role.handle, publication, parting, now);
            }
            Part::Player { .. } => streams.release(&role.name, role.handle),
        }
    }

    fn end(
        &mut self,
        stream: MessageStreamId,
        why: &EndReason,
        streams: &mut impl Streams<Handle = H>,
        now: Instant,
    ) {
        let Some(index) = self.roles.iter().position(|role| role.stream == stream) else { return };
        let mut role = self.roles.remove(index);
        if let Part::Publisher { publication, .. } = &role.part
            && let Ok(corrections) = streams.corrections(&role.handle, publication)
        {
            role.summary.corrections = corrections;
        }
        self.events.push_back(Event::Ended {
            stream,
            kind: role.part.kind(),
            name: role.name.clone(),
            why: why.clone(),
            summary: role.summary_at(now),
        });
        Self::leave(role, why, streams, now);
        self.look_again();
    }

    /// Nobody counts as armed any more: because a stream advanced, or since giving one back may have disarmed whoever else
    /// of this connection plays it.
    fn look_again(&mut self) {
        for role in &mut self.roles {
            if let Part::Player { is_armed, .. } = &mut role.part {
                *is_armed = false;
            }
        }
    }

    fn end_all(&mut self, reason: &CloseReason, streams: &mut impl Streams<Handle = H>, now: Instant) {
        while let Some(role) = self.roles.last() {
            self.end(role.stream, &EndReason::Closed(reason.clone()), streams, now);
        }
    }

    fn pause(&mut self, stream: MessageStreamId, paused: bool, streams: &mut impl Streams<Handle = H>) {
        if let Some((playhead, handle)) = self.playhead_of(stream) {
            streams.read(handle, |tape| if paused { tape.pause(playhead) } else { tape.resume(playhead) });
        }
    }

    fn select(
        &mut self,
        stream: MessageStreamId,
        track: TrackKind,
        wanted: bool,
        streams: &mut impl Streams<Handle = H>,
    ) {
        if let Some((playhead, handle)) = self.playhead_of(stream) {
            let mut all = playhead.wanted();
            match track {
                TrackKind::Audio => all.audio = wanted,
                TrackKind::Video => all.video = wanted,
            }
            streams.read(handle, |tape| tape.select(playhead, all));
        }
    }

    /// A playhead that is about to be moved: what comes next is to be looked for.
    fn playhead_of(&mut self, stream: MessageStreamId) -> Option<(&mut Playhead, &H)> {
        let role = self.roles.iter_mut().find(|role| role.stream == stream)?;
        match &mut role.part {
            Part::Player { playhead, is_armed, .. } => {
                *is_armed = false;
                Some((playhead, &role.handle))
            }
            Part::Publisher { .. } => None,
        }
    }

    /// Pulls frames from the tapes that are played, while the session has room.
    fn fill(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        // Where a play ends, those that are left are armed anew; there are fewer each time.
        while self.fill_once(streams, now) {}
    }

    /// See [`Participant::fill`]; whether a play has ended by it.
    fn fill_once(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) -> bool {
        let mut ended = SmallVec::<[(MessageStreamId, PlayEnd); 1]>::new();
        for role in &mut self.roles {
            if let Part::Player { playhead, waits_until, is_armed } = &mut role.part {
                let before = role.summary.frames;
                let end = if *is_armed {
                    None
                } else {
                    let (session, summary) = (&mut self.session, &mut role.summary);
                    Self::pull(session, role.stream, playhead, is_armed, &role.handle, summary, streams)
                };
                if role.summary.frames > before {
                    *waits_until = None;
                } else if role.summary.frames == 0 && waits_until.is_none() && end.is_none() {
                    // A publication that shows nothing ends without a trace: the player waits for the next one.
                    *waits_until = streams.read(&role.handle, waiting_time).map(|waiting| now + waiting);
                }
                ended.extend(end.map(|end| (role.stream, end)));
            }
        }
        if self.roles.len() > 1 && self.session.media_room() == 0 {
            // One stream can use up all room there is: next time another has its turn first.
            self.roles.rotate_left(1);
        }
        let has_ended = !ended.is_empty();
        for (stream, end) in ended {
            match end {
                PlayEnd::Unfit(unfit) if !self.session.has_started_play(stream) => {
                    self.session.refuse_play(stream, unfit.into(), now);
                }
                PlayEnd::Unfit(_) | PlayEnd::Unpublished | PlayEnd::TimelineFull | PlayEnd::TooSlow => {
                    self.session.end_play(stream, end, now);
                }
            }
            let why = match end {
                PlayEnd::Unpublished => EndReason::StreamEnded,
                PlayEnd::TimelineFull => EndReason::TimelineFull,
                PlayEnd::TooSlow => EndReason::TooSlow,
                PlayEnd::Unfit(unfit) => EndReason::Unfit(unfit),
            };
            self.end(stream, &why, streams, now);
        }
        has_ended
    }

    /// Pulls from one tape; why nothing more will come, if so.
    fn pull(
        session: &mut Session,
        stream: MessageStreamId,
        playhead: &mut Playhead,
        is_armed: &mut bool,
        handle: &H,
        summary: &mut Summary,
        streams: &mut impl Streams<Handle = H>,
    ) -> Option<PlayEnd> {
        loop {
            let mut room = session.media_room();
            if room == 0 {
                playhead.fall_behind();
                return None;
            }
            let mut batch = SmallVec::<[Piece; limits::READ_BATCH]>::new();
            let end = streams.read_or_arm(handle, |tape| {
                let has_bundles = stream == Frame::WIRE_STREAM && tape.has_bundles();
                while batch.len() < limits::READ_BATCH && room > 0 {
                    if has_bundles && let Some(bundle) = tape.read_bundle(playhead, room) {
                        room -= bundle.wire.len();
                        batch.push(Piece::Bundle(bundle));
                        continue;
                    }
                    match tape.read(playhead) {
                        Read::Frame(frame) => {
                            room = room.saturating_sub(frame.wire().len());
                            batch.push(Piece::Frame(frame));
                        }
                        Read::Gap(gap) => summary.count_gap(gap),
                        Read::CaughtUp => {
                            playhead.keep_up();
                            *is_armed = true;
                            return ControlFlow::Break(None);
                        }
                        Read::Ended(Ending::Unpublished) => {
                            return ControlFlow::Continue(Some(PlayEnd::Unpublished));
                        }
                        Read::Ended(Ending::TimelineFull) => {
                            return ControlFlow::Continue(Some(PlayEnd::TimelineFull));
                        }
                        Read::Ended(Ending::Unfit(unfit)) => {
                            return ControlFlow::Continue(Some(PlayEnd::Unfit(unfit)));
                        }
                        Read::TooSlow(gap) => {
                            summary.count_gap(gap);
                            return ControlFlow::Continue(Some(PlayEnd::TooSlow));
                        }
                    }
                }
                ControlFlow::Continue(None)
            });
            for piece in batch.drain(..) {
                match piece {
                    Piece::Frame(frame) => {
                        summary.frames += 1;
                        summary.bytes += frame.wire().len() as u64;
                        session.send_frame(stream, frame);
                    }
                    Piece::Bundle(bundle) => {
                        summary.frames += u64::from(bundle.frames);
                        summary.bytes += bundle.wire.len() as u64;
                        session.send_bundle(stream, bundle);
                    }
                }
            }
            if end.is_some() || *is_armed {
                return end;
            }
        }
    }
}

impl From<PublishRefused> for Refusal {
    fn from(refused: PublishRefused) -> Self {
        match refused {
            PublishRefused::NameInUse(_) => Refusal::NameInUse,
            PublishRefused::TooManyStreams(error) => error.into(),
        }
    }
}

impl From<TooManyStreams> for Refusal {
    fn from(error: TooManyStreams) -> Self {
        Refusal::Rejected(error.to_string().into())
    }
}

impl From<FormRefused> for Refusal {
    fn from(refused: FormRefused) -> Self {
        match refused {
            FormRefused::Unfit(unfit) => unfit.into(),
            FormRefused::TooManyForms => Refusal::Rejected(refused.to_string().into()),
        }
    }
}

/// A new player of a stream, in the form that it asks for or can take, and how long it waits for a publisher.
fn subscribe(
    stream: &mut Stream,
    query: &str,
    capabilities: &Capabilities,
) -> Result<(Playhead, Option<Duration>), Refusal> {
    let form = Form::of_query(query, capabilities.form().unwrap_or(stream.config().default_form));
    let form = form.map_err(|error| Refusal::Rejected(error.to_string().into()))?;
    Ok((stream.subscribe_to(form, capabilities.untaken())?, waiting_time(stream)))
}

#[cfg(test)]
mod tests;
