//! Sessions of both roles, driven by whatever a peer, a transport and an application can do.
//!
//! What must hold: the session's own assertions; `Closed` once and last; a deadline that was handled is gone; what comes out
//! is by the book and bounded; and however the input is cut, all of it is the same.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sol_core::frame::Frame;
use sol_core::handshake::{Offer, ServerHandshake};
use sol_core::ids::{ChunkSize, MessageStreamId, RequestId};
use sol_core::limits;
use sol_core::media::{Content, FrameKind, Media, TrackId};
use sol_core::quirk::Quirk;
use sol_core::session::{
    Event, PeerEnd, PlayEnd, Refusal, Session, SessionConfig, SessionTimers, Stage, StaleRequest, Target,
};
use sol_core::time::Instant;
use sol_core::timestamp::Timestamp;

use super::choices::{Choices, pieces};
use super::listener::Listener;
use super::phrases::Speaker;

/// A session in the server's role.
pub(super) fn session(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = Arc::new(config(&mut choices));
    let cuts = choices.some();
    let mut speaker = Speaker::new();
    let mut steps = Vec::new();
    while !choices.are_over() {
        steps.push(step(&mut choices, |choices| speaker.client_says(choices)));
    }
    let begin = || Session::accept(Arc::clone(&config), [7; 32], Instant::EPOCH);
    compare(&begin, &steps, cuts);
}

/// A session in the client's role.
pub(super) fn client(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = Arc::new(config(&mut choices));
    let target = target(&mut choices);
    let begin = || Session::connect(Arc::clone(&config), &target, [7; 32], Instant::EPOCH);
    let answers_by_the_book = choices.flag();
    let cuts = choices.some();
    let mut speaker = Speaker::new();
    let mut steps = Vec::new();
    if answers_by_the_book {
        let hello = shown(&begin());
        let mut entropy = sol_core::entropy::Entropy::new([9; 32]);
        let answer = ServerHandshake::new().read(&mut &hello[..], &mut entropy, Instant::EPOCH);
        let answer = answer.expect("a client says 3").reply.expect("C1 is whole");
        steps.push(Step::Hear(answer.to_vec()));
    }
    while !choices.are_over() {
        steps.push(step(&mut choices, |choices| speaker.server_says(choices)));
    }
    compare(&begin, &steps, cuts);
}

/// What happens to a session.
#[derive(Debug)]
enum Step {
    Hear(Vec<u8>),
    /// The application allows what waits, at once or with something to await.
    Allow,
    AllowToAwait,
    Refuse(Refusal),
    /// An answer to something that was never asked.
    AnswerWrongly(u32),
    StartPlay(MessageStreamId),
    EndPlay(MessageStreamId, PlayEnd),
    PlayNotFound(MessageStreamId),
    SendFrame(MessageStreamId, usize),
    SendMedia(Media),
    Leave,
    ShutDown,
    /// The transport takes nothing from here on, or everything again.
    Block(bool),
    /// It takes so much, blocked or not.
    Take(usize),
    Wait(Duration),
    /// Time passes until the next deadline.
    Due,
    End(PeerEnd),
}

fn step(choices: &mut Choices<'_>, mut says: impl FnMut(&mut Choices<'_>) -> Vec<u8>) -> Step {
    let stream = |choices: &mut Choices<'_>| MessageStreamId::new(choices.pick(&[1, 2, 0, 16, u32::MAX]));
    match choices.below(40) {
        0..=21 => Step::Hear(says(choices)),
        22..=24 => Step::Allow,
        25 => Step::AllowToAwait,
        26 => Step::Refuse(match choices.below(4) {
            0 => Refusal::NameInUse,
            1 => Refusal::Denied("No.".into()),
            2 => Refusal::Rejected("Not now.".into()),
            _ => Refusal::NotFound,
        }),
        27 => Step::AnswerWrongly(choices.byte().into()),
        28 => Step::StartPlay(stream(choices)),
        29 => {
            let why = choices.pick(&[PlayEnd::Unpublished, PlayEnd::TooSlow, PlayEnd::TimelineFull]);
            Step::EndPlay(stream(choices), why)
        }
        30 => Step::PlayNotFound(stream(choices)),
        31 => Step::SendFrame(stream(choices), choices.pick(&[10, 0, 200, 3_000, 70_000])),
        32 => {
            let payload = Bytes::from(vec![0x17; choices.pick(&[10, 1, 0, 3_000, 70_000])]);
            let content = if choices.flag() { Content::Audio(payload) } else { Content::Video(payload) };
            let timestamp = Timestamp::from_millis(choices.u32());
            Step::SendMedia(Media { timestamp, content })
        }
        33 => Step::Leave,
        34 => Step::ShutDown,
        35 => Step::Block(choices.flag()),
        36 => Step::Take(choices.u16().into()),
        37 => {
            let millis = choices.pick(&[40, 1, 0, 999, 1_000, 5_000, 30_000, 3_600_000]);
            Step::Wait(Duration::from_millis(millis))
        }
        38 => Step::Due,
        _ => Step::End(choices.pick(&[PeerEnd::Finished, PeerEnd::Reset, PeerEnd::Lost])),
    }
}

pub(super) fn config(choices: &mut Choices<'_>) -> SessionConfig {
    let how = choices.byte();
    let chunk_size = [65_536, 128, 4_096, 1][usize::from(how & 3)];
    SessionConfig {
        chunk_size: ChunkSize::new(chunk_size).expect("it is in range"),
        window_bytes: if how & 4 == 0 { 2_500_000 } else { choices.pick(&[1, 0, 20_000, u32::MAX]) },
        strict: how & 8 != 0,
        timers: if how & 16 == 0 { SessionTimers::default() } else { timers(choices) },
        ..SessionConfig::default()
    }
}

fn timers(choices: &mut Choices<'_>) -> SessionTimers {
    let mut time = || match choices.byte() {
        0 => Duration::ZERO,
        255 => Duration::MAX,
        seconds => Duration::from_millis(u64::from(seconds) * 500),
    };
    SessionTimers {
        handshake: time(),
        command: time(),
        answer: time(),
        ping: time(),
        silence: time(),
        stall: time(),
        farewell: time(),
    }
}

fn target(choices: &mut Choices<'_>) -> Target {
    let url = "rtmp://host/live/cam?token=1".parse().expect("a URL");
    let how = choices.byte();
    let target = if how & 1 == 0 { Target::publish(&url) } else { Target::play(&url) };
    let handshake = if how & 2 == 0 { Offer::Simple } else { Offer::Digest };
    let start = [-2.0, -1.0, 7.5, f64::NAN][usize::from(how >> 2 & 3)];
    let buffer = if how & 16 == 0 { Duration::from_secs(3) } else { Duration::MAX };
    Target { handshake, start, buffer, ..target }
}

/// The same steps, in one piece and in pieces.
fn compare(begin: &dyn Fn() -> Session, steps: &[Step], cuts: &[u8]) {
    let whole = Run::of(begin(), steps, &[]);
    if cuts.is_empty() {
        return;
    }
    let cut = Run::of(begin(), steps, cuts);
    // Acknowledgements are left out, and a session is closed, where too much waits that was not drained.
    if whole.waiting_peak.max(cut.waiting_peak) < limits::OUTBOX_BYTES_CHATTER {
        assert_eq!(whole.events, cut.events, "cut in pieces of {cuts:?}");
        assert!(whole.outbound == cut.outbound, "what is said differs, cut in pieces of {cuts:?}");
        assert_eq!(whole.quirks, cut.quirks, "cut in pieces of {cuts:?}");
    }
}

/// A session and all that came out of it.
struct Run {
    session: Session,
    now: Instant,
    is_blocked: bool,
    events: Vec<Event>,
    outbound: Vec<u8>,
    quirks: Vec<(Quirk, u32)>,
    /// The most bytes that waited when the session had been touched.
    waiting_peak: usize,
    fed: u64,
    /// Of the longest frame that was queued.
    frame_bytes_max: usize,
    listener: Listener,
}

impl Run {
    fn of(session: Session, steps: &[Step], cuts: &[u8]) -> Run {
        let mut run = Run {
            session,
            now: Instant::EPOCH,
            is_blocked: false,
            events: Vec::new(),
            outbound: Vec::new(),
            quirks: Vec::new(),
            waiting_peak: 0,
            fed: 0,
            frame_bytes_max: 0,
            listener: Listener::new(),
        };
        run.drain();
        for step in steps {
            run.take(step, cuts);
        }
        run.session.handle_end(PeerEnd::Lost, run.now);
        run.drain();
        assert!(run.session.is_closed());
        let closings = run.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        assert_eq!(closings, 1, "it is told once that the session is over");
        run.quirks = run.session.quirks().seen().collect();
        run
    }

    fn take(&mut self, step: &Step, cuts: &[u8]) {
        let now = self.now;
        match step {
            Step::Hear(bytes) => {
                for piece in pieces(bytes, cuts) {
                    self.fed += piece.len() as u64;
                    self.session.handle_input(piece, now);
                    self.drain();
                }
                assert!(self.session.traffic().received_bytes() <= self.fed);
            }
            Step::Allow => self.answer(|session, request| session.allow(request, now)),
            Step::AllowToAwait => self.answer(|session, request| {
                use sol_core::session::RequestKind::{Play, Publish};
                match session.waiting().map(|waiting| waiting.kind) {
                    Some(Play) => session.allow_to_await(request, now),
                    Some(Publish) | None => session.allow(request, now),
                }
            }),
            Step::Refuse(why) => self.answer(|session, request| session.refuse(request, why, now)),
            Step::AnswerWrongly(number) => {
                let request = RequestId::new(*number);
                if self.session.waiting().is_none_or(|waiting| waiting.id != request) {
                    assert_eq!(self.session.allow(request, now), Err(StaleRequest(request)));
                }
            }
            Step::StartPlay(stream) => self.session.start_play(*stream, now),
            Step::EndPlay(stream, why) => self.session.end_play(*stream, *why, now),
            Step::PlayNotFound(stream) => self.session.refuse_play(*stream, Refusal::NotFound, now),
            Step::SendFrame(stream, length) => {
                if self.session.media_room() > 0 {
                    let kind = FrameKind::Keyframe(TrackId::DEFAULT);
                    let chunk_size = self.session.config().chunk_size;
                    let frame = Frame::new(kind, Timestamp::ZERO, &vec![0x17; *length], chunk_size);
                    self.frame_bytes_max = self.frame_bytes_max.max(frame.wire().len());
                    self.session.send_frame(*stream, frame);
                }
            }
            Step::SendMedia(media) => {
                if self.session.media_room() > 0 {
                    // A chunk of one byte has a header of up to seven.
                    self.frame_bytes_max = self.frame_bytes_max.max(8 * media.content.payload().len() + 100);
                    self.session.send_media(media, now);
                }
            }
            Step::Leave => self.session.leave(now),
            Step::ShutDown => self.session.handle_stage(&Stage::ShutDown, now),
            Step::Block(is_blocked) => self.is_blocked = *is_blocked,
            Step::Take(count) => {
                let waiting = bytes_waiting(&self.session);
                self.send((*count).min(waiting));
            }
            Step::Wait(time) => {
                self.now = now + *time;
                self.handle_timeout();
            }
            Step::Due => {
                let next = self.session.poll_timeout().map(|deadline| deadline.at);
                if let Some(at) = next.filter(|at| at.saturating_since(now) < FAR) {
                    self.now = at.max(now);
                    self.handle_timeout();
                }
            }
            Step::End(end) => self.session.handle_end(*end, now),
        }
        self.drain();
    }

    fn answer(&mut self, answer: impl FnOnce(&mut Session, RequestId) -> Result<(), StaleRequest>) {
        if let Some(id) = self.session.waiting().map(|waiting| waiting.id) {
            assert_eq!(answer(&mut self.session, id), Ok(()), "it waits");
        }
    }

    fn handle_timeout(&mut self) {
        self.session.handle_timeout(self.now);
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|next| next.at > self.now), "{next:?} was to be handled at {:?}", self.now);
    }

    fn drain(&mut self) {
        let waiting = bytes_waiting(&self.session);
        self.waiting_peak = self.waiting_peak.max(waiting);
        let frames_max = limits::OUTBOX_BYTES + self.frame_bytes_max;
        assert!(waiting <= limits::OUTBOX_BYTES_CLOSE + frames_max + LONGEST_ANSWER, "{waiting} bytes wait");
        self.take_events();
        while !self.is_blocked && self.session.has_output() {
            self.send(bytes_waiting(&self.session));
        }
        self.check();
    }

    fn send(&mut self, count: usize) {
        let sent = shown(&self.session)[..count].to_vec();
        self.listener.hear(&sent);
        self.outbound.extend(sent);
        self.session.handle_sent(count, self.now);
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            let is_over = matches!(self.events.last(), Some(Event::Closed { .. }));
            assert!(!is_over, "{event:?} behind the end");
            self.events.push(event);
        }
    }

    fn check(&self) {
        let session = &self.session;
        let is_told = matches!(self.events.last(), Some(Event::Closed { .. }));
        assert_eq!(session.is_closed(), is_told, "the end is told, and only then");
        assert_eq!(session.poll_timeout().is_none(), is_told, "until then there is a deadline");
        let is_open = !session.is_closed() && session.closing().is_none();
        let may_be_read = is_open && session.waiting().is_none();
        let is_full = bytes_waiting(session) >= limits::OUTBOX_BYTES;
        assert!(may_be_read || !session.wants_input(), "it reads what it does not look at");
        assert!(session.wants_input() || !may_be_read || is_full, "it does not read, for no reason");
        assert!(is_open || session.waiting().is_none());
        assert!(session.media_room() <= limits::OUTBOX_BYTES);
        assert!(is_open || session.media_room() == 0);
        assert!(session.round_trip() <= Some(session.lasted()));
        assert!(!is_told || !session.has_output());
    }
}

/// All that waits.
fn shown(session: &Session) -> Vec<u8> {
    with_slices(session, |slices| slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat())
}

/// How many bytes of it there are.
fn bytes_waiting(session: &Session) -> usize {
    with_slices(session, |slices| slices.iter().map(|slice| slice.len()).sum())
}

fn with_slices<R>(session: &Session, look: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
    let mut count = 16;
    loop {
        let mut slices = vec![IoSlice::new(&[]); count];
        let filled = session.outbound(&mut slices);
        if filled < count {
            return look(&slices[..filled]);
        }
        count *= 8;
    }
}

/// Ten years. Whatever is later is never.
const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// More than anything that is said at once.
const LONGEST_ANSWER: usize = 64 * 1024;
