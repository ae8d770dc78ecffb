//! Any world: whoever comes and goes at which loop, what players get was published, and in the end nothing remains.
//!
//! Each seed is a world of two to four loops. A failure names its seed.

use std::time::Duration;

use sol_core::hub::{Join, Parting, StreamConfig};
use sol_tests::peer::message::MediaReceived;
use sol_tests::peer::pattern::{AudioPattern, FrameText, MediaSent, Pattern, VideoPattern};
use sol_tests::peer::run::check_runs;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::world::{Answer, Client, Dice, LinkOptions, Within, World, ms, seed};

use super::{WIDE, is_live, media_of_mark, with_streams};

#[test]
fn any_world_of_small_streams() {
    let plot = Plot { pattern: SMALL, slow_at_first: ms(0), events: 30, pause_max_ms: 150 };
    let lost: usize = (0..SEEDS).map(|number| live_through(number, &plot)).sum();
    assert_eq!(lost, 0, "a loop is never so slow");
}

#[test]
fn any_world_of_streams_that_fill_their_crossings() {
    let plot = Plot { pattern: LARGE, slow_at_first: ms(1_400), events: 8, pause_max_ms: 200 };
    // Whether anything is lost on the way is the dice's to say; `lagging` has what must be.
    for number in SEEDS..SEEDS + 4 {
        live_through(number, &plot);
    }
}

/// What happens in a world.
struct Plot {
    pattern: Pattern,
    /// How long one of the loops is slow when everybody has come.
    slow_at_first: Duration,
    events: usize,
    /// Between two of them.
    pause_max_ms: usize,
}

/// Lives through the world of this number. How often something was lost on the way to a loop.
fn live_through(number: u64, plot: &Plot) -> usize {
    let named = Named(number);
    let mut story = Story::begin(number, plot.pattern);
    story.a_crowd_comes();
    story.a_loop_is_slow(plot.slow_at_first);
    for _ in 0..plot.events {
        story.something_happens(plot.pause_max_ms);
    }
    story.all_is_well_in_the_end();
    let crossings = (0..story.loops).flat_map(|index| story.world.crossings_to(index));
    let lost = crossings.map(|crossed| crossed.gaps.len()).sum();
    drop(story);
    drop(named);
    lost
}

/// A world and all who were ever there.
struct Story {
    dice: Dice,
    loops: usize,
    pattern: Pattern,
    publishers: Vec<(Published, &'static str)>,
    players: Vec<(Client<Player>, &'static str)>,
    // Behind the others: it says goodbye to them.
    world: World,
}

enum Published {
    Encoder(Client<Publisher>),
    Within(Within, bool),
}

impl Story {
    fn begin(number: u64, pattern: Pattern) -> Story {
        let mut dice = Dice::new(seed(number));
        let loops = 1 + dice.up_to(3);
        let stream = StreamConfig {
            join: [Join::Keyframe, Join::Instant, Join::Live][dice.up_to(3) - 1],
            grace: ms([0, 300, 1_000][dice.up_to(3) - 1]),
            waiting: ms(60_000),
            lag_max: ms(200),
            gap_max: ms(60_000),
            patience: u32::MAX,
            ..StreamConfig::default()
        };
        let mut world = World::with_loops(seed(number), loops as u32, with_streams(stream));
        world.set_link(LinkOptions { latency: ms(5), ..WIDE });
        world.set_parcel_delay(ms([0, 0, 8, 40][dice.up_to(4) - 1]));
        if dice.up_to(2) == 1 {
            // Many are answered in one moment.
            world.set_policy(|_| Answer::allow().after(ms(60)));
        }
        Story { dice, loops, pattern, publishers: Vec::new(), players: Vec::new(), world }
    }

    /// A publisher, and somebody at each loop who plays it.
    fn a_crowd_comes(&mut self) {
        self.publisher_comes();
        let (_, name) = self.publishers[0];
        for index in 0..self.loops {
            self.players.push((self.world.next_at(index).player(name), name));
        }
        self.world.run_for(ms(200));
    }

    fn a_loop_is_slow(&mut self, time: Duration) {
        let slow = self.any_loop();
        self.world.hold_back(slow);
        self.world.run_for(time);
        self.world.let_through(slow);
    }

    fn something_happens(&mut self, pause_max_ms: usize) {
        match self.dice.up_to(16) {
            1..=4 => self.publisher_comes(),
            5..=7 => self.publisher_goes(),
            8..=11 => self.player_comes(),
            12..=13 => self.player_goes(),
            14..=15 => {
                let slow = self.any_loop();
                self.world.hold_back(slow);
            }
            _ => (0..self.loops).for_each(|index| self.world.let_through(index)),
        }
        if self.dice.up_to(3) > 1 {
            let time = self.dice.up_to(pause_max_ms) as u64;
            self.world.run_for(ms(time));
        }
    }

    fn publisher_comes(&mut self) {
        let (name, at) = (self.any_name(), self.any_loop());
        let pattern = self.pattern.marked(self.publishers.len() as u32);
        self.world.next_at(at);
        if self.dice.up_to(3) == 1 {
            if let Ok(within) = self.world.publish_within(name, pattern) {
                self.publishers.push((Published::Within(within, true), name));
            }
        } else {
            let encoder = self.world.publisher(name).streaming(pattern);
            self.publishers.push((Published::Encoder(encoder), name));
        }
    }

    fn publisher_goes(&mut self) {
        let how = self.dice.up_to(3);
        let live: Vec<_> = self.publishers.iter_mut().filter(|(publisher, _)| publisher.is_live()).collect();
        let Some(index) = live.len().checked_sub(1).map(|most| self.dice.up_to(most + 1) - 1) else { return };
        let (publisher, _) = live.into_iter().nth(index).expect("one of those");
        match publisher {
            Published::Encoder(encoder) => match how {
                1 => encoder.finish(),
                2 => self.world.hang_up(encoder),
                _ => self.world.cut(encoder),
            },
            Published::Within(within, is_there) => {
                let parting = if how == 1 { Parting::InGoodOrder } else { Parting::Vanished };
                self.world.part(within, parting);
                *is_there = false;
            }
        }
    }

    fn player_comes(&mut self) {
        let (name, at) = (self.any_name(), self.any_loop());
        self.players.push((self.world.next_at(at).player(name), name));
    }

    fn player_goes(&mut self) {
        if let Some(most) = self.players.len().checked_sub(1) {
            let index = self.dice.up_to(most + 1) - 1;
            self.world.hang_up(&self.players[index].0);
        }
    }

    fn all_is_well_in_the_end(&mut self) {
        (0..self.loops).for_each(|index| self.world.let_through(index));
        self.world.set_policy(|_| Answer::allow());
        // Every grace is over.
        self.world.run_for(ms(1_300));
        for name in NAMES {
            let joiner = self.any_loop();
            self.players.push((self.world.next_at(joiner).player(name), name));
            let is_there = |(publisher, of): &(Published, &str)| *of == name && publisher.is_there();
            if !self.publishers.iter().any(is_there) {
                let at = self.any_loop();
                let pattern = self.pattern.marked(self.publishers.len() as u32);
                let encoder = self.world.next_at(at).publisher(name).streaming(pattern);
                self.publishers.push((Published::Encoder(encoder), name));
            }
        }
        self.world.run_for(ms(900));
        for name in NAMES {
            let publishers = self.publishers.iter().enumerate();
            let mut there = publishers.filter(|(_, (publisher, of))| *of == name && publisher.is_there());
            let (mark, (publisher, _)) = there.next().expect("somebody publishes it");
            assert!(there.next().is_none(), "{name} has one publisher");
            let players = self.players.iter().filter(|(player, of)| *of == name && is_served(player));
            for (player, _) in players {
                let last = player.media().iter().rev().find_map(text);
                let last = last.expect("it does not wait for ever");
                let newest = publisher.sent().len() as u64;
                assert!(last.mark == mark as u32 && last.sequence + 20 > newest, "{last:?} of {newest}");
            }
        }
        self.players.iter().for_each(|(player, _)| self.world.hang_up(player));
        self.world.run_for(ms(100));
        for (player, name) in &self.players {
            self.check_player(player, name);
        }
    }

    /// What came is one publication after the other, each with nothing but reported gaps.
    fn check_player(&self, player: &Client<Player>, name: &str) {
        let media = player.media();
        let mut marks: Vec<_> = media.iter().filter_map(text).map(|text| text.mark).collect();
        marks.dedup();
        let gaps: u64 = player.endings().iter().map(|(_, summary)| summary.gaps).sum();
        let mut holes = 0;
        for (index, &mark) in marks.iter().enumerate() {
            assert!(!marks[..index].contains(&mark), "publications are not mixed up: {marks:?}");
            let (publisher, of) = &self.publishers[mark as usize];
            assert_eq!(*of, name);
            let runs = check_runs(&media_of_mark(&media, mark), &publisher.sent()).expect("runs");
            holes += runs.len() as u64 - 1;
        }
        assert!(holes <= gaps, "{holes} holes, of which {gaps} were told");
    }

    fn any_loop(&mut self) -> usize {
        self.dice.up_to(self.loops) - 1
    }

    fn any_name(&mut self) -> &'static str {
        NAMES[self.dice.up_to(NAMES.len()) - 1]
    }
}

impl Published {
    fn is_live(&self) -> bool {
        match self {
            Published::Encoder(encoder) => is_live(encoder) && encoder.closed().is_none(),
            Published::Within(_, is_there) => *is_there,
        }
    }

    /// The same, as far as the server knows.
    fn is_there(&self) -> bool {
        match self {
            Published::Encoder(encoder) => self.is_live() && encoder.endings().is_empty(),
            Published::Within(..) => self.is_live(),
        }
    }

    fn sent(&self) -> Vec<MediaSent> {
        match self {
            Published::Encoder(encoder) => encoder.sent(),
            Published::Within(within, _) => within.sent(),
        }
    }
}

/// Whether it plays, or waits to.
fn is_served(player: &Client<Player>) -> bool {
    matches!(player.phase(), Phase::Live(_) | Phase::Starting(_)) && player.closed().is_none()
}

fn text(media: &MediaReceived) -> Option<FrameText> {
    FrameText::read(media.type_id, &media.payload)
}

/// Says whose world it was that failed.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the world of seed {} failed", self.0);
        }
    }
}

const NAMES: [&str; 2] = ["live/cam", "live/other"];

const SEEDS: u64 = 300;

const SMALL: Pattern = Pattern {
    video: Some(VideoPattern { frame_rate: 10, keyframe_every_ms: 400, kilobits_per_second: 20 }),
    audio: None::<AudioPattern>,
    ..Pattern::new()
};

/// Some 6 MB a second: a loop that is slow for two thirds of one loses something.
const LARGE: Pattern = Pattern {
    video: Some(VideoPattern { frame_rate: 10, keyframe_every_ms: 400, kilobits_per_second: 50_000 }),
    ..SMALL
};
