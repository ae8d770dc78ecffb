//! Forms: the tapes that are derived from a stream's own, for players that need it in another shape.
//!
//! A derived tape belongs to a stream of its own, which mirrors this one as one on another loop would: whatever comes onto the
//! stream's tape is read from there at once, brought into the form, and appended, with the same time. What the form does not change
//! is shared. It begins with what the stream's tape still has, and has the sync points of its own video track.
//!
//! Invariants: a form is made while somebody reads it, and for `limits::FORM_LINGER` after that. There are at most
//! `limits::TRACK_FORMS` of other tracks than the default one; those of the default one always have a place. Whatever is on the
//! stream's tape is on those of its forms. Nobody can have the tape gone through again and again: of a track that the stream does not
//! have no form is made, and one gives its place to another only when nobody has read it for `limits::FORM_REST`.

use std::borrow::Cow;
use std::time::Duration;

use crate::frame::Frame;
use crate::limits;
use crate::media::{CodecSet, Form, FrameKind, Reformed, Reformer, Tag, TrackId, Unfit};
use crate::timestamp::Timestamp;

use super::playhead::Playhead;
use super::preamble::{Configurations, Preamble};
use super::relay::{Passage, Relay};
use super::stream::Stream;
use super::tape::{Ending, Position};

/// A player cannot have a stream in the form that it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormRefused {
    /// The player cannot have the stream, or not the track that it wants.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It would be one form too many.
    #[error("the stream is wanted in too many forms")]
    TooManyForms,
}

/// The forms of one stream.
#[derive(Debug, Default)]
pub(super) struct Forms(Vec<Derived>);

/// One form of a stream.
#[derive(Debug)]
struct Derived {
    form: Form,
    /// Reads the stream's own tape.
    relay: Relay,
    reformer: Reformer,
    /// There is nothing more of the publication in this form.
    over: Option<Unfit>,
    /// Places of the publication at which players of the stream may begin, up to two.
    begun: u8,
    /// A place at which players may begin has come, and nothing of the form yet.
    is_due: bool,
    /// What was configured before is not known.
    is_new: bool,
    /// The stream's time since which nobody reads it.
    idle_since: Option<Timestamp>,
    /// Has the derived tape.
    mirror: Box<Stream>,
}

impl Forms {
    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether [`Stream::read_bundle`] has anything for a player of any of them.
    #[inline]
    pub(super) fn have_bundles(&self) -> bool {
        !self.are_none() && self.mirrors().any(Stream::has_bundles)
    }

    /// The stream that has the derived tape.
    pub(super) fn get(&self, form: Form) -> Option<&Stream> {
        self.0.iter().find(|derived| derived.form == form).map(|derived| &*derived.mirror)
    }

    /// All of them.
    pub(super) fn mirrors(&self) -> impl Iterator<Item = &Stream> {
        self.0.iter().map(|derived| &*derived.mirror)
    }

    pub(super) fn mirrors_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.0.iter_mut().map(|derived| &mut *derived.mirror)
    }

    /// Whether anybody reads one of them.
    pub(super) fn are_read(&self) -> bool {
        self.mirrors().any(|mirror| mirror.cursors.are_any())
    }

    pub(super) fn check(&self, end: Position) {
        for derived in &self.0 {
            assert_eq!(derived.relay.position(), end, "1: a form has all that the stream's tape has");
            derived.mirror.check_tape();
        }
        let of_tracks = self.0.iter().filter(|derived| derived.form.track() != Some(TrackId::DEFAULT));
        assert!(of_tracks.count() <= limits::TRACK_FORMS, "2: forms of other tracks are bounded");
    }

    /// The place of a form, made where there is none.
    fn place(&mut self, form: Form, stream: &mut Stream) -> Result<&mut Derived, FormRefused> {
        let index = match self.0.iter().position(|derived| derived.form == form) {
            Some(index) => index,
            None => {
                self.make_room(form, stream)?;
                self.0.push(Derived::new(form, stream));
                self.0.len() - 1
            }
        };
        Ok(&mut self.0[index])
    }

    /// Forms that nobody has read for a while make room for others.
    fn make_room(&mut self, form: Form, stream: &Stream) -> Result<(), FormRefused> {
        let counts = |form: Form| form.track() != Some(TrackId::DEFAULT);
        if counts(form) && self.0.iter().filter(|derived| counts(derived.form)).count() >= limits::TRACK_FORMS
        {
            let head = stream.head();
            // Nothing is gone through where nothing is published.
            let rests = |derived: &Derived| match stream.is_published() {
                true => derived.idle_time(head).is_some_and(|time| time >= limits::FORM_REST),
                false => true,
            };
            let idle = |derived: &Derived| counts(derived.form) && !derived.is_read() && rests(derived);
            let idle = self.0.iter().position(idle);
            self.0.remove(idle.ok_or(FormRefused::TooManyForms)?);
        }
        Ok(())
    }
}

impl Derived {
    fn new(form: Form, stream: &mut Stream) -> Self {
        let mut mirror = Box::new(stream.twin());
        mirror.mirror().expect("nobody publishes a stream that was just made");
        Self {
            form,
            // A track's own keyframes are where they are: as much as can be is looked through for one.
            relay: stream.relay_for_form(form.track() != Some(TrackId::DEFAULT)),
            reformer: Reformer::new(form),
            over: None,
            begun: 0,
            is_due: false,
            is_new: false,
            idle_since: None,
            mirror,
        }
    }

    fn is_read(&self) -> bool {
        self.mirror.cursors.are_any()
    }

    /// Takes what is new on the stream's tape.
    fn follow(&mut self, stream: &Stream) {
        while let Some(passage) = stream.carry(&mut self.relay) {
            self.append(passage);
        }
    }

    fn append(&mut self, passage: Passage) {
        let was_over = self.over.is_some();
        match passage {
            Passage::Resume { lost, preamble, at, last_keyframe } => {
                if lost.frames > 0 {
                    // Another publication may have begun meanwhile. The preamble has all that is known.
                    self.begin_publication();
                }
                let preamble = self.reform_preamble(&preamble);
                self.mirror.mirror_resume(lost, preamble, at, last_keyframe);
            }
            Passage::Frame { frame, at, begins } => {
                if let Some(configurations) = &begins {
                    self.is_due = true;
                    self.look_at(configurations);
                    self.begun = self.begun.saturating_add(1).min(2);
                }
                let reformed = self.reform(&frame);
                if let Some(kind) = self.reformer.take_change() {
                    self.mirror.change_track(kind);
                }
                if let Some(frame) = reformed {
                    let begins = self.begins_at(frame.kind());
                    self.mirror.mirror_frame(frame, at, begins);
                }
                self.look_for_missing_track();
            }
            Passage::Splice { at } => {
                self.begin_publication();
                self.mirror.mirror_splice(at);
            }
            Passage::End(ending) => {
                if ending != Ending::TimelineFull {
                    self.begin_publication();
                }
                self.mirror.mirror_end(ending);
            }
        }
        if let Some(over) = self.over.filter(|_| !was_over) {
            self.mirror.end_form(Ending::Unfit(over));
        }
    }

    /// What the form makes of a frame, if anything.
    fn reform(&mut self, frame: &Frame) -> Option<Frame> {
        let payload = needed(frame);
        match self.over {
            Some(Unfit::ForForm { .. } | Unfit::ForPlayer(_)) => return None,
            Some(Unfit::NoSuchTrack(_)) => {
                self.reformer.look_for_track(frame.kind(), &payload);
                if !self.reformer.has_track() {
                    return None;
                }
                // It has come after all, for whoever asks for it now.
                self.over = None;
            }
            None => {}
        }
        match self.reformer.reform(frame.kind(), &payload) {
            Reformed::Same => Some(frame.clone()),
            Reformed::Other(kind, payload) => {
                Some(Frame::new(kind, frame.timestamp(), &payload, frame.chunk_size()))
            }
            Reformed::Nothing => None,
            Reformed::Unfit(codec) => {
                self.over = Some(Unfit::ForForm { form: self.form, codec });
                None
            }
        }
    }

    /// A track that has not come by the second place at which players may begin is not waited for.
    fn look_for_missing_track(&mut self) {
        if self.begun == 2
            && self.over.is_none()
            && !self.reformer.has_track()
            && let Some(track) = self.form.track()
        {
            self.over = Some(Unfit::NoSuchTrack(track));
        }
    }

    fn reform_preamble(&mut self, preamble: &Preamble) -> Preamble {
        // Those of the default track come first, and would stand in for one that is there.
        preamble.iter().for_each(|frame| self.reformer.look_for_track(frame.kind(), &frame.whole_payload()));
        let reformed = preamble.iter().filter_map(|frame| self.reform(frame)).collect();
        self.reformer.take_change();
        // Whoever cannot have the stream need not be shown the half of it first.
        if self.over.is_some() { Preamble::default() } else { reformed }
    }

    /// Whether players may begin at a frame of the form.
    fn begins_at(&mut self, kind: FrameKind) -> bool {
        if self.reformer.shows_other_video() {
            return kind == FrameKind::Keyframe(TrackId::DEFAULT);
        }
        kind.is_coded() && std::mem::take(&mut self.is_due)
    }

    /// What the stream has for players that begin here: mostly nothing that has not come by itself.
    fn look_at(&mut self, configurations: &Preamble) {
        if std::mem::take(&mut self.is_new) {
            self.mirror.configurations = Configurations::of(&self.reform_preamble(configurations));
        } else if !configurations.iter().any(|frame| frame.kind() == FrameKind::Metadata) {
            self.mirror.configurations.forget_metadata();
        }
    }

    fn begin_publication(&mut self) {
        self.reformer = Reformer::new(self.form);
        self.over = None;
        self.begun = 0;
        (self.is_due, self.is_new) = (false, true);
    }

    /// Whether nobody has read it for so long that it need not be kept.
    fn is_stale(&mut self, head: Timestamp) -> bool {
        if self.is_read() {
            self.idle_since = None;
            return false;
        }
        self.idle_since.get_or_insert(head);
        self.idle_time(head).is_none_or(|time| time > limits::FORM_LINGER)
    }

    /// For how long nobody has read it; `None` where that is not known, or the stream's time began anew.
    fn idle_time(&self, head: Timestamp) -> Option<Duration> {
        self.idle_since.filter(|since| !since.is_after(head)).map(|since| since.lag_behind(head))
    }
}

/// As much of a frame's payload as its form depends on: of a legacy tag the header.
fn needed(frame: &Frame) -> Cow<'_, [u8]> {
    match frame.tag(frame.front()) {
        Some(Tag::Legacy(_)) => Cow::Borrowed(frame.front()),
        Some(Tag::Silence | Tag::Command(_) | Tag::Enhanced(_)) | None => frame.whole_payload(),
    }
}

impl Stream {
    /// A new player that wants the stream in a form of its own. It begins where the stream's configuration says, or waits; see
    /// [`Stream::subscribe`]. Where the default track that it would get is of one of the codecs in `without`, it is told so, now or
    /// when that comes.
    ///
    /// # Errors
    /// [`FormRefused`].
    pub fn subscribe_to(&mut self, form: Form, without: CodecSet) -> Result<Playhead, FormRefused> {
        let mut playhead = match form {
            Form::Full => self.subscribe(),
            Form::OneTrack(_) | Form::Legacy(_) => self.subscribe_to_form(form)?,
        };
        let stream = self.forms.get(form).unwrap_or(self);
        if let Some(codec) = stream.configurations.any_of(without).filter(|_| self.is_published()) {
            return Err(Unfit::ForPlayer(codec).into());
        }
        playhead.without = without;
        Ok(playhead)
    }

    fn subscribe_to_form(&mut self, form: Form) -> Result<Playhead, FormRefused> {
        let join = self.config().join;
        let is_published = self.is_published();
        self.with_forms(|forms, stream| {
            if let Some(track) = form.track()
                && forms.get(form).is_none()
                && stream.has_begun_twice()
                && !stream.has_track(track)
            {
                return Err(Unfit::NoSuchTrack(track).into());
            }
            let derived = forms.place(form, stream)?;
            derived.follow(stream);
            match derived.over {
                Some(over) => Err(over.into()),
                None => Ok(derived.mirror.subscribe_in(form, join, is_published)),
            }
        })
    }

    /// The forms of the stream get what is new on its tape.
    #[inline]
    pub(super) fn feed_forms(&mut self) {
        if !self.forms.are_none() {
            self.feed_those_forms();
        }
    }

    // Apart, since most streams have none.
    #[cold]
    fn feed_those_forms(&mut self) {
        let (head, is_published) = (self.head(), self.is_published());
        self.with_forms(|forms, stream| {
            // Where nothing is published, nothing has to be made anew either.
            forms.0.retain_mut(|derived| derived.is_read() || (is_published && !derived.is_stale(head)));
            forms.0.iter_mut().for_each(|derived| derived.follow(stream));
        });
    }

    fn with_forms<R>(&mut self, act: impl FnOnce(&mut Forms, &mut Stream) -> R) -> R {
        let mut forms = std::mem::take(&mut self.forms);
        let result = act(&mut forms, self);
        self.forms = forms;
        result
    }
}
