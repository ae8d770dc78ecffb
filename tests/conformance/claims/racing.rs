//! Racing: a name has one publisher, whoever comes in whichever thread.

use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::peer::{Peer, PeerOptions};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::ms;
use crate::visitor::{Visitor, name_in_use};

pub(crate) fn of_many_publishers_at_the_same_moment_exactly_one_has_the_name(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    for round in 0..12 {
        let mut player = house.waiting_player("cam");
        let mut all: Vec<_> = (0..16)
            .map(|number| Publisher::new("live", "cam", Pattern::new().marked(number)))
            .map(|script| Visitor::at(house.address, script))
            .collect();
        all.iter_mut().for_each(Visitor::poise);
        // From here on it is a race.
        all.iter_mut().for_each(Visitor::flush);
        for camera in &mut all {
            camera.run_until(|script| script.phase().is_decided());
        }
        let (mut winners, losers): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|camera| matches!(camera.phase(), Phase::Live(_)));
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(losers.iter().all(|loser| *loser.phase() == name_in_use()));
        winners[0].stream(ms(200));
        winners[0].finish();
        player.watch_to_the_end(winners[0].sent());
        house.until_ended(winners[0].address);
    }
}

pub(crate) fn a_name_goes_from_hand_to_hand_and_its_players_see_each_to_its_end(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut players: Vec<_> = (0..6).map(|_| Patient::waits(&house)).collect();
    for round in 0..25 {
        let mut camera = house.publisher_of("cam", Pattern::new().marked(round));
        assert!(matches!(camera.phase(), Phase::Live(_)), "{:?}", camera.phase());
        camera.stream(ms(100));
        camera.finish();
        for player in &mut players {
            player.sees_all_of(&camera);
            // The next publisher may come in another thread than this one.
            player.asks_again(&house);
        }
    }
    drop(players);
    house.until_empty();
}

pub(crate) fn who_comes_at_the_moment_of_an_end_sees_this_stream_or_the_next(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    for round in 0..15 {
        let streams = |mut camera: Visitor<Publisher>| {
            camera.stream(ms(100));
            camera
        };
        let name = format!("cam{round}");
        let mut first = streams(house.publisher_of(&name, Pattern::new().marked(1)));
        let mut players: Vec<_> =
            (0..8).map(|_| Visitor::at(house.address, Player::new("live", &name))).collect();
        players.iter_mut().for_each(Visitor::poise);
        // From here on it is a race.
        for (number, player) in players.iter_mut().enumerate() {
            player.flush();
            if number == 4 {
                first.finish();
            }
        }
        house.until_ended(first.address);
        let mut second = streams(house.publisher_of(&name, Pattern::new().marked(2)));
        assert!(matches!(second.phase(), Phase::Live(_)), "{:?}", second.phase());
        // That it may play tells nobody that it has come in time: another loop may be asked yet.
        for player in &mut players {
            player.run_until(|player| !player.media().is_empty());
        }
        second.finish();
        for player in &mut players {
            player.run_until(|player| matches!(player.phase(), Phase::EndedByServer(_)));
            let media = player.script().media();
            let run = check_run(media, first.sent()).or_else(|_| check_run(media, second.sent()));
            let run = run.expect("one run, of either of them");
            assert_eq!((run.first, run.last), (3, first.sent().len() as u64 - 1));
        }
    }
}

/// A player that asks for the same stream again, on the same connection, whenever it has ended.
struct Patient {
    visitor: Visitor<Peer>,
    seen: usize,
    ends: usize,
}

impl Patient {
    fn waits(house: &House<'_>) -> Self {
        let mut peer = Peer::new(PeerOptions::default());
        peer.connect("live");
        peer.create_stream();
        let mut patient = Self { visitor: Visitor::at(house.address, peer), seen: 0, ends: 0 };
        patient.visitor.run_until(|peer| peer.answer_to("createStream").is_some());
        patient.asks_again(house);
        patient
    }

    fn asks_again(&mut self, house: &House<'_>) {
        self.visitor.script_mut().play(StreamId(1), "cam");
        self.visitor.flush();
        house.until_started(self.visitor.address);
    }

    fn sees_all_of(&mut self, camera: &Visitor<Publisher>) {
        self.ends += 1;
        let ended = |peer: &Peer| {
            peer.statuses().iter().filter(|(_, code)| *code == "NetStream.Play.UnpublishNotify").count()
        };
        self.visitor.run_until(|peer| ended(peer) == self.ends);
        let media = &self.visitor.script().media()[self.seen..];
        let run = check_run(media, camera.sent()).expect("one run, and nothing of any other");
        assert_eq!((run.first, run.last), (3, camera.sent().len() as u64 - 1));
        self.seen += media.len();
    }
}
