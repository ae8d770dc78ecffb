//! Stream: one publisher on air at a time, one tape, any number of playheads.
//!
//! Appending costs the same whatever the number of players, but for one look at their positions now and then.

mod normalising;
mod parting;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::frame::Frame;
use crate::ids::ChunkSize;
use crate::limits;
use crate::load::Load;
use crate::media::{Form, FrameKind, Media, Normalised, ParameterSets, Tag, TagError, TrackId, TrackKind};
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::bid::{Bid, PublisherRole};
use super::bundle::Bundles;
use super::config::StreamConfig;
use super::correction::{Correction, Corrections};
use super::forms::Forms;
use super::pace::{Delivery, Pace};
use super::playhead::{Cursors, Join, Playhead};
use super::preamble::Configurations;
use super::publishers::{Publisher, Publishers};
use super::report::{self, StreamReport, StreamState};
use super::standby::Standby;
use super::tape::{Ending, SyncPoint, Tape};
use super::timeline::{Repair, Timeline};
pub use parting::Parting;
use reading::is_late;

/// One stream: its publishers, its tape, and what joins need.
#[derive(Debug)]
pub struct Stream {
    config: Arc<StreamConfig>,
    chunk_size: ChunkSize,
    pub(super) publishers: Publishers,
    /// Publishers that fall silent after this are to be told of, if anybody wants to know.
    pub(super) watched: Option<Instant>,
    /// The publisher has gone and may return until then.
    grace_until: Option<Instant>,
    /// Nobody begins to publish any more, so that none who vanishes returns.
    is_draining: bool,
    /// Whether the publication has shown any video: what decides where players may begin, so at a stream's home only.
    has_video: bool,
    /// The publication goes on with what another one began, and has sent nothing yet.
    goes_on: bool,
    /// The same, and it has shown nothing yet.
    resumes: bool,
    /// The publication goes on with a stream of pictures, and has not shown one yet.
    returning: Option<Returning>,
    /// When the publication last sent a keyframe, or else its first video.
    pub(super) last_keyframe: Option<Timestamp>,
    pub(super) configurations: Configurations,
    parameter_sets: ParameterSets,
    pub(super) timeline: Timeline,
    pub(super) tape: Tape,
    pub(super) cursors: Cursors,
    pace: Pace,
    bundles: Bundles,
    pub(super) forms: Forms,
}

/// The right to append to one stream, until it is given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication(u64);

impl Publication {
    /// One of a stream that is at home elsewhere; of no stream here.
    pub(crate) const ELSEWHERE: Publication = Publication(0);
}

/// The stream has a publisher, whose place is not to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream name is in use")]
pub struct NameInUse;

/// A publisher goes on with a stream of pictures.
#[derive(Debug)]
struct Returning {
    /// When its first audio or picture came.
    since: Option<Instant>,
}

/// Another publisher has taken the place of this one, whose publication is over. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another publisher has taken the place of this one")]
pub struct Replaced;

/// What became of something that a publisher sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Whether the tape grew.
    pub grew: bool,
    /// Whether players get what this publisher sends; otherwise it stands by.
    pub on_air: bool,
    /// Whether it has taken over from another one with this.
    pub took_over: bool,
    /// The video payloads that were appended in the place of the one that came, where that was not in normal form. `None` too where
    /// the stream is at home on another loop, which does not tell.
    pub instead: Option<Vec<Bytes>>,
}

impl Stream {
    /// A stream that nobody publishes. Its frames will be chunked with `chunk_size`.
    pub fn new(config: Arc<StreamConfig>, chunk_size: ChunkSize) -> Self {
        Self {
            tape: Tape::new(&config),
            timeline: Timeline::new(config.repair, config.pause),
            config,
            chunk_size,
            publishers: Publishers::default(),
            watched: None,
            grace_until: None,
            is_draining: false,
            has_video: false,
            goes_on: false,
            resumes: false,
            returning: None,
            last_keyframe: None,
            configurations: Configurations::default(),
            parameter_sets: ParameterSets::default(),
            cursors: Cursors::default(),
            pace: Pace::default(),
            bundles: Bundles::default(),
            forms: Forms::default(),
        }
    }

    /// Another one that is made in the same way.
    pub(super) fn twin(&self) -> Self {
        Self::new(Arc::clone(&self.config), self.chunk_size)
    }

    /// Begins a publication, or goes on with the last one: within its grace, or in the place of a publisher that may be
    /// [replaced](super::Takeover). While the publisher of the other role is on air, the publication stands by.
    ///
    /// # Errors
    /// [`NameInUse`] where that is not so.
    pub fn publish(&mut self, bid: &Bid, now: Instant) -> Result<Publication, NameInUse> {
        match self.publishers.allow(bid, self.config.takeover, now) {
            true => Ok(self.replace(bid, now)),
            false => Err(NameInUse),
        }
    }

    /// The same, whoever has the place: for those whose bid was weighed elsewhere.
    pub fn replace(&mut self, bid: &Bid, now: Instant) -> Publication {
        let number = self.publishers.admit(bid, now);
        if self.publishers.on_air().is_none_or(|on_air| on_air == bid.role) {
            self.put_on_air(bid.role, now);
            self.feed_forms();
        }
        Publication(number)
    }

    /// A publisher takes over from whoever was on air, or begins. Whether the tape grew, with what was kept of it.
    fn put_on_air(&mut self, role: PublisherRole, now: Instant) -> bool {
        let before = self.publishers.on_air();
        let goes_on = self.grace_until.take().is_some() || before.is_some();
        // Whoever fell silent is missed since then.
        let silent = before.and_then(|other| self.publishers.at(other)).filter(|other| other.is_silent(now));
        let since = silent.map(Publisher::falls_silent_at);
        if let Some(other) = before.filter(|&other| other != role) {
            self.stand_aside(other);
        }
        if !goes_on {
            self.parameter_sets = ParameterSets::default();
        }
        let kept = self.publishers.put_on_air(role);
        // Pictures are awaited, unless they are here, or the publisher has shown that it has none.
        let awaits = goes_on && !kept.is_ready() && (self.has_video || self.returning.is_some());
        self.forget_publication();
        self.returning = awaits.then_some(Returning { since });
        self.goes_on |= goes_on;
        self.resumes = goes_on;
        self.timeline.begin_publication();
        let mut grew = false;
        if !kept.configurations.are_none() {
            self.go_on(kept.group.first().map_or(now, |&(came, _)| came));
            let head = self.timeline.head();
            for frame in kept.configurations.at(head).frames().iter() {
                self.has_video |= frame.kind().is_video();
                // A configuration is never completed itself.
                self.complete(frame.kind(), &frame.whole_payload());
                self.put(frame.clone(), head, false);
                grew = true;
            }
        }
        for (came, media) in &kept.group {
            grew |= self.append_on_air(media, &Tag::of(&media.content).transpose(), *came);
        }
        grew
    }

    /// One that was on air is no longer, and still publishes: it may be heard again, with nothing but pictures.
    fn stand_aside(&mut self, role: PublisherRole) {
        let corrections = self.timeline.corrections();
        if let Some(publisher) = self.publishers.at_mut(role) {
            publisher.corrections.add_all(corrections);
            publisher.standby = Standby::knowing(std::mem::take(&mut self.configurations), self.has_video);
        }
    }

    /// Something comes of a publication: the first that does of one that goes on with another follows behind a splice.
    fn go_on(&mut self, now: Instant) {
        if std::mem::take(&mut self.goes_on) {
            self.timeline.resume(now);
            self.tape.append_splice(self.timeline.head());
        }
    }

    /// Appends one message of a publisher as a frame. Not appended are: video and data without a payload, audio and video whose
    /// header breaks a rule, configurations and metadata that say nothing new, and `@clearDataFrame`, which only has metadata
    /// forgotten. Video that is not as FLV and Enhanced RTMP have it is appended as they do, where [`StreamConfig::repair`] is not
    /// off. Nor is what a publisher that goes on with a stream of pictures sends in front of its first keyframe.
    ///
    /// While another publisher is on air, the newest group of pictures is kept instead, until this one takes over with it:
    /// when the other has gone or fallen silent, or is a backup that gives back.
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    pub fn append(
        &mut self,
        publication: &Publication,
        media: &Media,
        now: Instant,
    ) -> Result<Appended, Replaced> {
        let role = self.publishers.hear(publication.0, now).ok_or(Replaced)?;
        let tag = Tag::of(&media.content).transpose();
        Ok(match self.normalise(role, &tag) {
            Normalised::AsItIs => self.append_as(role, media, &tag, now),
            Normalised::Instead(payloads, oddities) => {
                self.append_instead(role, media.timestamp, (payloads, &oddities), now)
            }
        })
    }

    /// Appends what is in normal form, whose header says so much.
    fn append_as(
        &mut self,
        role: PublisherRole,
        media: &Media,
        tag: &Result<Option<Tag<'_>>, TagError>,
        now: Instant,
    ) -> Appended {
        if self.publishers.on_air() == Some(role) {
            let grew = self.append_on_air(media, tag, now);
            self.feed_forms();
            return Appended { grew, on_air: true, took_over: false, instead: None };
        }
        let appended = self.stand_by(role, media, now);
        self.feed_forms();
        appended
    }

    /// A publisher that is not on air has sent something.
    // Apart, since it is rare and a frame is not.
    #[cold]
    fn stand_by(&mut self, role: PublisherRole, media: &Media, now: Instant) -> Appended {
        // Where it is kept too long to be a frame, whoever leaves would find out.
        assert!(media.content.payload().len() <= limits::MESSAGE_BYTES, "no message is longer than 16 MiB");
        if let Some(publisher) = self.publishers.at_mut(role) {
            publisher.standby.keep(media, &self.config, self.chunk_size, now);
        }
        if self.publishers.takes_over(role, self.config.give_back, now) {
            let grew = self.put_on_air(role, now);
            return Appended { grew, on_air: true, took_over: true, instead: None };
        }
        Appended { grew: false, on_air: false, took_over: false, instead: None }
    }

    /// Whether the tape grew.
    fn append_on_air(
        &mut self,
        media: &Media,
        tag: &Result<Option<Tag<'_>>, TagError>,
        now: Instant,
    ) -> bool {
        let content = &media.content;
        let payload = content.payload();
        if content.is_clear() {
            self.configurations.forget_metadata();
            return false;
        }
        let tag = match tag {
            Ok(tag) => tag.as_ref(),
            // Without video there is nothing to show.
            Err(_) if payload.is_empty() => return false,
            Err(_) => {
                self.timeline.leave_out(Correction::Malformed);
                return false;
            }
        };
        let kind = FrameKind::read(content, tag);
        if payload.is_empty() && kind != FrameKind::Audio {
            return false;
        }
        self.has_video |= kind.is_video();
        if kind.is_preamble() && self.configurations.is_known(kind, tag, payload) {
            return false;
        }
        if kind.is_coded() && self.is_left_out(kind, now) {
            self.timeline.leave_out(Correction::BeforePicture);
            return false;
        }
        self.go_on(now);
        if kind.is_coded() && std::mem::take(&mut self.resumes) {
            // Long behind its configurations, perhaps.
            self.timeline.resume(now);
        }
        if self.timeline.is_full() && self.may_begin_at(kind, self.timeline.head()) {
            self.tape.append_end(Ending::TimelineFull, self.timeline.head());
            self.timeline.restart();
            self.last_keyframe = None;
        }
        let stamped = if kind.is_coded() {
            let track_kind = if kind.is_video() { TrackKind::Video } else { TrackKind::Audio };
            let id = tag.and_then(Tag::main_track).map_or(TrackId::DEFAULT, |(id, _)| id);
            self.timeline.stamp((track_kind, id), media.timestamp, now)
        } else {
            self.timeline.head()
        };
        let timestamp = if kind.is_timeless() {
            Timestamp::ZERO
        } else if kind == FrameKind::Data {
            self.timeline.stamp_aside(media.timestamp)
        } else {
            stamped
        };
        let completed = self.complete(kind, payload);
        let payload = completed.as_deref().unwrap_or(payload);
        let frame = Frame::new(kind, timestamp, payload, self.chunk_size);
        let begins = self.may_begin_at(kind, timestamp);
        // A clock that steps back brings nobody further behind.
        self.put(frame, self.timeline.head(), begins);
        true
    }

    /// What is to be sent in place of a payload, where its publisher's encoder has changed and there is something to be put right.
    fn complete(&mut self, kind: FrameKind, payload: &[u8]) -> Option<Vec<u8>> {
        match self.config.repair {
            Repair::Off => None,
            Repair::Monotonic | Repair::Resync => self.parameter_sets.complete(kind, payload),
        }
    }

    /// Whether a coded frame would come in front of the first keyframe of a publisher that goes on with a stream of pictures.
    fn is_left_out(&mut self, kind: FrameKind, now: Instant) -> bool {
        let Some(returning) = &mut self.returning else { return false };
        let since = *returning.since.get_or_insert(now);
        let is_awaited = kind != FrameKind::Keyframe(TrackId::DEFAULT)
            && now.saturating_since(since) < limits::RETURN_TIME;
        if !is_awaited {
            self.returning = None;
        }
        is_awaited
    }

    /// Appends a frame at the stream's time `at`. Players may begin at it, or not.
    pub(super) fn put(&mut self, frame: Frame, at: Timestamp, begins: bool) {
        let kind = frame.kind();
        if kind.is_preamble() {
            self.configurations.keep(&frame);
        }
        if begins {
            // Whoever is too late, or off the tape already, will be sent to a keyframe and needs nothing older.
            let (cursors, config, head) = (&mut self.cursors, &self.config, self.timeline.head());
            self.tape.begin_group(&self.configurations, frame.timestamp(), head, |tape| {
                cursors.slowest(|position, began_behind| {
                    tape.get(position).is_some_and(|entry| !is_late(tape, entry, head, config, began_behind))
                })
            });
        }
        if kind == FrameKind::Keyframe(TrackId::DEFAULT) || (kind.is_video() && self.last_keyframe.is_none())
        {
            self.last_keyframe = Some(at);
        }
        self.tape.append(frame, at);
    }

    /// Nothing is known of a publication: another begins, or this one is over.
    pub(super) fn forget_publication(&mut self) {
        self.has_video = false;
        self.returning = None;
        self.last_keyframe = None;
        self.configurations = Configurations::default();
    }

    /// Whether players get what a publisher sends; otherwise it stands by.
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    pub fn is_on_air(&self, publication: &Publication) -> Result<bool, Replaced> {
        let role = self.publishers.role_of(publication.0).ok_or(Replaced)?;
        Ok(self.publishers.on_air() == Some(role))
    }

    /// Whose frames players get; nobody's before the first publisher, within the grace and behind the end.
    pub fn on_air(&self) -> Option<PublisherRole> {
        self.publishers.on_air()
    }

    /// Whether the publisher of that role is there and has sent nothing for
    /// [`limits::PUBLISHER_SILENCE`](crate::limits::PUBLISHER_SILENCE).
    pub(crate) fn is_silent(&self, role: PublisherRole, now: Instant) -> bool {
        self.publishers.at(role).is_some_and(|publisher| publisher.is_silent(now))
    }

    /// Something was appended: when players are to be woken for it. [`Stream::poll_timeout`] may have changed.
    pub fn deliver(&mut self, load: Load, now: Instant) -> Delivery {
        if self.cursors.are_none() {
            self.forget_bundles();
            return Delivery::Settled;
        }
        let delivery = self.pace.appended(self.config.coalesce.interval(load), now);
        if delivery == Delivery::Now {
            self.bundle();
        }
        delivery
    }

    /// What has come is delivered.
    fn bundle(&mut self) {
        self.bundles.deliver(&self.tape, |players| self.cursors.are_at_least(players));
        self.forms.mirrors_mut().for_each(Stream::bundle);
    }

    fn forget_bundles(&mut self) {
        self.bundles.forget();
        self.forms.mirrors_mut().for_each(Stream::forget_bundles);
    }

    /// From here on [`Stream::poll_timeout`] also says when a publisher falls silent.
    pub(crate) fn watch_for_silence(&mut self) {
        self.watched.get_or_insert(Instant::EPOCH);
    }

    /// When to call [`Stream::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let silence = self.watched.and_then(|since| self.publishers.next_silence(since));
        self.grace_until.into_iter().chain(self.pace.due()).chain(silence).min()
    }

    /// The time of [`Stream::poll_timeout`] has come; whether players are to be woken. Harmless when it has not.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        self.watched = self.watched.map(|since| since.max(now));
        let is_due = self.pace.expire(now);
        if is_due {
            self.bundle();
        }
        let has_ended = self.expire_grace(now);
        self.feed_forms();
        has_ended || is_due
    }

    /// A new player, which begins where the stream's configuration says. If nobody publishes it waits, and gets the next
    /// publication from its first frame on.
    pub fn subscribe(&mut self) -> Playhead {
        self.subscribe_at(self.config.join)
    }

    /// The same for a player that begins where its caller says, whatever holds for others: a recorder, or a relay. A tape
    /// that is not kept for [`Join::Instant`] may have no sync point that is old enough.
    pub fn subscribe_at(&mut self, join: Join) -> Playhead {
        self.subscribe_in(Form::Full, join, self.is_published())
    }

    /// The same where this is the stream that has the tape of a form.
    pub(super) fn subscribe_in(&mut self, form: Form, join: Join, is_published: bool) -> Playhead {
        let mut playhead = Playhead::new(self.cursors.add(self.tape.end()), join);
        playhead.form = form;
        if is_published {
            self.place(&mut playhead, join);
        }
        playhead
    }

    /// What the operator decided for it.
    pub fn config(&self) -> &StreamConfig {
        &self.config
    }

    /// Whether anybody is on air, or may return to be.
    pub fn is_published(&self) -> bool {
        self.publishers.on_air().is_some() || self.grace_until.is_some()
    }

    /// The same, or somebody stands by of whom nothing has come for a while.
    pub(crate) fn has_publishers(&self) -> bool {
        self.is_published() || self.publishers.are_any()
    }

    /// What was corrected of a publisher's timestamps, whenever it was on air.
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    pub fn corrections(&self, publication: &Publication) -> Result<Corrections, Replaced> {
        let role = self.publishers.role_of(publication.0).ok_or(Replaced)?;
        let mut all = self.publishers.at(role).map(|publisher| publisher.corrections).unwrap_or_default();
        if self.publishers.on_air() == Some(role) {
            all.add_all(self.timeline.corrections());
        }
        Ok(all)
    }

    /// Playheads that are in use, in whatever form.
    pub fn players(&self) -> usize {
        self.cursors.len() + self.forms.mirrors().map(Stream::players).sum::<usize>()
    }

    fn lag_max(&self) -> Duration {
        let lags = self.cursors.positions().map(|at| self.lag_at(at).time);
        lags.chain(self.forms.mirrors().map(Stream::lag_max)).max().unwrap_or_default()
    }

    /// Whether the publication has come to two places at which players may begin: what tracks it has it has shown by then.
    pub(super) fn has_begun_twice(&self) -> bool {
        let splice = self.tape.last_splice();
        let of_publication =
            self.tape.sync_points().filter(|point| splice.is_none_or(|splice| point.position > splice));
        self.is_published() && of_publication.count() >= 2
    }

    /// Whether the publication has shown a track, as far as the tape goes back.
    pub(super) fn has_track(&self, track: TrackId) -> bool {
        self.configurations.have_track(track)
            || self.tape.frames_of_publication().any(|frame| frame.has_track(track))
    }

    /// What the stream is at this moment, for its operator. Costs a look at every frame on the tape and every player.
    pub fn report(&self) -> StreamReport {
        let (tracks, keyframe_interval) = report::measure(&self.tape, self.configurations.all());
        let state = match (self.publishers.on_air(), self.grace_until) {
            (Some(_), _) => StreamState::Live,
            (None, Some(_)) => StreamState::Grace,
            (None, None) => StreamState::Waiting,
        };
        StreamReport {
            state,
            tracks,
            keyframe_interval,
            players: self.players(),
            lag_max: self.lag_max(),
            tape_bytes: self.tape_bytes(),
        }
    }

    /// Bytes of frames on the tape: at most [`StreamConfig::tape_bytes`], one frame excepted. What is kept of a publisher that
    /// stands by is no more than that, and not in it.
    pub fn tape_bytes(&self) -> usize {
        self.tape.bytes()
    }

    /// How many forms of the stream are made: for those who read them, or have until recently.
    pub fn form_count(&self) -> usize {
        self.forms.mirrors().count()
    }

    /// Bytes of frames on the tapes of its forms, each at most as much as on its own. What they have in common, with each other or
    /// with its own, is there once and counts in each.
    pub fn form_bytes(&self) -> usize {
        self.forms.mirrors().map(Stream::tape_bytes).sum()
    }

    /// See [`Server::check`](crate::server::Server::check).
    pub(crate) fn check_tape(&self) {
        self.tape.check();
        self.forms.check(self.tape.end());
        self.publishers.check();
    }

    /// A player may begin at a keyframe of the default track; without video, at some audio frame each second, and at any once
    /// the timeline is full: the stream's time has come no further than the frame before it.
    fn may_begin_at(&self, kind: FrameKind, timestamp: Timestamp) -> bool {
        if self.has_video {
            // Without keyframes there is no good place to end a full timeline, so any will do.
            return kind == FrameKind::Keyframe(TrackId::DEFAULT)
                || (kind.is_coded() && self.timeline.is_full() && self.has_no_keyframes());
        }
        // A looped clip steps back: a frame in front of the newest sync point is due as well.
        let is_due = |newest: &SyncPoint| {
            newest.timestamp.is_after(timestamp)
                || newest.timestamp.lag_behind(timestamp) >= limits::AUDIO_SYNC_TIME
        };
        kind == FrameKind::Audio
            && (self.timeline.is_full() || self.tape.newest_sync_point().is_none_or(is_due))
    }

    /// The stream's time.
    pub(super) fn head(&self) -> Timestamp {
        self.timeline.head()
    }
}

/// What tests look at and nobody else may.
#[cfg(test)]
impl Stream {
    pub(super) fn config_for_test(&mut self, config: StreamConfig) {
        self.config = Arc::new(config);
    }

    pub(super) fn tape_bounds(&self) -> (u64, u64) {
        (self.tape.start().0, self.tape.end().0)
    }

    pub(super) fn sync_points(&self) -> usize {
        self.tape.sync_points().count()
    }
}

#[cfg(test)]
impl Publication {
    pub(super) fn duplicate(&self) -> Self {
        Self(self.0)
    }
}
