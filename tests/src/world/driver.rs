//! Driver: the server is driven by the contract of `sol_core::session` to the letter: touch, then drain.

use std::cell::RefCell;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::Duration;

use sol_core::ids::{RequestId, SessionId};
use sol_core::participant::Event;
use sol_core::server::Output;
use sol_core::session::{PeerEnd, Request, RequestKind, StaleRequest};

use super::client::Seat;
use super::policy::Answer;
use super::{Verdict, World};

impl World {
    /// Reads while input is wanted; whether anything came.
    pub(super) fn read(&mut self, seat: &Rc<RefCell<Seat>>) -> bool {
        let session = seat.borrow().session;
        let mut moved = false;
        let broken = seat.borrow_mut().link.take_end(self.now);
        if let Some(end) = broken {
            self.server.handle_end(session, end, self.instant());
            self.drain();
            return true;
        }
        if seat.borrow().is_closed {
            seat.borrow_mut().link.up.discard();
            return false;
        }
        while self.may_read(seat) && seat.borrow().link.up.has_unread() {
            let bytes = seat.borrow_mut().link.up.read(self.read_bytes);
            self.server.handle_input(session, &bytes, self.instant());
            self.drain();
            moved = true;
        }
        if self.may_read(seat) && seat.borrow().link.up.is_over() {
            self.server.handle_end(session, PeerEnd::Finished, self.instant());
            self.drain();
            moved = true;
        }
        moved
    }

    /// Whether input is wanted. Once it was not, that has to be told, as an edge-triggered driver needs it.
    fn may_read(&self, seat: &Rc<RefCell<Seat>>) -> bool {
        let seat = &mut *seat.borrow_mut();
        seat.is_read &= self.server.wants_input(seat.session);
        seat.is_read || seat.is_read_regardless
    }

    /// Does what is to be done until there is nothing.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.server.poll(self.now) {
            match output {
                Output::Event(session, event) => self.hear(session, event),
                Output::Writable(session) => self.write(session),
                Output::Readable(session) => {
                    let index = self.seat_of[&session];
                    self.seats[index].borrow_mut().is_read = true;
                    self.agenda.call(index);
                }
                Output::Dispatch(_) => unreachable!("it is passed on by the loops themselves"),
            }
        }
    }

    /// Writes until nothing is left or the socket takes no more.
    pub(super) fn write(&mut self, session: SessionId) {
        self.write_out(session);
        self.check_lag(session);
    }

    fn write_out(&mut self, session: SessionId) {
        let index = self.seat_of[&session];
        self.agenda.call(index);
        let seat = Rc::clone(&self.seats[index]);
        loop {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.server.outbound(session, &mut slices);
            seat.borrow_mut().is_blocked = count > 0;
            if count == 0 {
                return;
            }
            let mut written = 0;
            {
                let seat = &mut *seat.borrow_mut();
                assert!(!seat.is_closed, "session {session} has something to say after its end");
                for slice in &slices[..count] {
                    let taken = seat.link.down.write(slice);
                    seat.transcript.add(&slice[..taken]);
                    written += taken;
                    if taken < slice.len() {
                        break;
                    }
                }
            }
            if written == 0 {
                let waiting = self.outbox_bytes(session);
                let seat = &mut *seat.borrow_mut();
                seat.outbox_peak = waiting.max(seat.outbox_peak);
                self.check_outbox(session, waiting, seat.is_inquisitive);
                return;
            }
            self.transcript.add_time(self.now);
            self.transcript.add_state_of(&seat.borrow().transcript);
            self.server.handle_sent(session, written, self.instant());
        }
    }

    fn hear(&mut self, session: SessionId, event: Event) {
        self.transcript.add(format!("{:?} {session} {event:?}", self.now).as_bytes());
        (self.witness)(self.now, session, &event);
        let index = self.seat_of[&session];
        let seat = Rc::clone(&self.seats[index]);
        self.agenda.call(index);
        {
            let seat = &mut *seat.borrow_mut();
            assert!(!seat.is_closed, "session {session} tells {event:?} after its end");
            seat.events.push((self.now, event.clone()));
        }
        match event {
            Event::Ended { kind: RequestKind::Publish, name, .. } => {
                self.ends_for_those_behind(name.as_str());
            }
            Event::Requested(request) => self.consider(session, &request),
            Event::Closed { .. } => self.close(session, &mut seat.borrow_mut()),
            Event::Connected(_)
            | Event::Refused { .. }
            | Event::Started { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Ended { .. } => {}
        }
    }

    /// The session is over: the transport is closed behind what it has taken.
    fn close(&mut self, session: SessionId, seat: &mut Seat) {
        seat.is_closed = true;
        seat.link.down.finish();
        let count =
            |is_one: fn(&Event) -> bool| seat.events.iter().filter(|(_, event)| is_one(event)).count();
        let started = count(|event| matches!(event, Event::Started { .. }));
        let ended = count(|event| matches!(event, Event::Ended { .. }));
        assert_eq!(started, ended, "session {session} is over, and so is everything that it began");
    }

    fn consider(&mut self, session: SessionId, request: &Request) {
        let Answer { verdict, delay } = (self.policy)(request);
        if delay == Duration::MAX {
            return;
        }
        let patience = self.server.session(session).map(|session| session.config().timers.answer);
        let is_too_late = patience.is_none_or(|patience| delay >= patience);
        let verdict = Verdict { session, request: request.id, verdict, is_too_late };
        if delay.is_zero() {
            self.answer(verdict);
        } else {
            self.asked += 1;
            self.answers.insert((self.now + delay, self.asked), verdict);
        }
    }

    pub(super) fn answer(&mut self, answer: Verdict) {
        let Verdict { session, request, verdict, is_too_late } = answer;
        let now = self.instant();
        let waited = match verdict {
            Ok(()) => self.allow(session, request),
            Err(why) => self.server.refuse(session, request, &why, now),
        };
        // A client may leave while the application thinks.
        let is_open = self.server.session(session).is_some_and(|session| session.closing().is_none());
        assert!(
            waited.is_ok() || !is_open || is_too_late,
            "session {session} asked and does not wait for the answer"
        );
    }

    /// Between what the directory says of this and what follows from it, other loops and their clients go on, if the dice say so.
    fn allow(&mut self, session: SessionId, request: RequestId) -> Result<(), StaleRequest> {
        let asked = self.server.ask(session, request, self.now)?;
        if self.server.others_go_on() {
            self.others_go_on();
        }
        self.server.allow(asked, self.instant())
    }

    /// Loops that have asked the directory do nothing meanwhile.
    fn others_go_on(&mut self) {
        // Before the directory is asked again, whatever a loop has dispatched is on its way.
        self.drain();
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now)
            && !self.server.is_busy(entry.get().session)
        {
            let other = entry.remove();
            self.answer(other);
            self.drain();
        }
        for index in self.agenda.take_called() {
            let session = self.seats[index].borrow().session;
            match self.server.is_busy(session) {
                true => self.agenda.call(index),
                false => self.attend(index),
            }
        }
        while self.server.deliver(self.instant()) {
            self.drain();
        }
    }

    fn outbox_bytes(&self, session: SessionId) -> usize {
        let mut slices = vec![IoSlice::new(&[]); 64];
        loop {
            let count = self.server.outbound(session, &mut slices);
            if count < slices.len() {
                return slices[..count].iter().map(|slice| slice.len()).sum();
            }
            slices.resize(2 * count, IoSlice::new(&[]));
        }
    }
}

/// Few, so that one write often leaves something to show.
const WRITE_SLICES: usize = 8;
