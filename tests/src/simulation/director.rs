//! Director: lets a world happen. Who comes when, and what befalls whom, the dice decide.

mod comers;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use sol_core::hub::Parting as Part;
use sol_core::ids::SessionId;
use sol_core::session::{Refusal, Request, RequestKind};

use crate::peer::codec::Headers;
use crate::peer::handshake::HandshakeKind;
use crate::peer::message::StreamId;
use crate::peer::{ChunkSizeHabit, PeerOptions};
use crate::world::{Answer, Client, Dice, LinkOptions, Seed, Stranger, Transcript, Within, World, ms};

use super::actor::{Actor, AtTheEnd, Errand, Manner};
use super::ledger::{Ledger, Shared};
use super::setting::{Ending, Operator, Setting, Way};
use super::story::Story;
use super::totals::{Totals, turn};
use super::troubles::TROUBLES;

pub(super) struct Director {
    pub world: World,
    pub ledger: Shared,
    pub dice: Dice,
    pub setting: Setting,
    pub members: Vec<Member>,
    pub strangers: Vec<Client<Stranger>>,
    withins: Vec<Inside>,
    plan: BTreeMap<(Duration, u64), Act>,
    planned: u64,
    pub is_shut_down: bool,
}

/// Something to do later.
type Act = Box<dyn FnOnce(&mut Director)>;

/// A client that speaks RTMP.
pub(super) struct Member {
    pub client: Client<Actor>,
    /// It reads what comes, and can hear what it is told.
    pub is_served: bool,
    /// What befalls others does not befall it.
    pub is_spared: bool,
}

/// A publisher within the process.
struct Inside {
    within: Within,
    publication: usize,
    is_there: bool,
}

impl Director {
    pub(super) fn new(seed: Seed, story: Story) -> Director {
        let mut dice = Dice::new(seed);
        // Each has a row of its own: else what the policy says would hang together with how the world is made.
        let (of_world, of_policy) = (dice.fork(), dice.fork());
        let mut totals = Totals::of_one_world();
        let setting = Setting::roll(&mut dice, &mut totals);
        let mut ledger = Ledger::new(setting.rules.clone(), story);
        ledger.totals = totals;
        let ledger = Rc::new(RefCell::new(ledger));
        let mut world = World::with_loops(of_world.seed(), setting.loops as u32, setting.config.clone());
        let witness = Rc::clone(&ledger);
        world.set_witness(move |now, session, event| witness.borrow_mut().witness(now, session, event));
        world.set_policy(policy(setting.operator, &setting, of_policy, Rc::clone(&ledger)));
        world.set_read_bytes(setting.read_bytes);
        world.set_message_bytes_max(setting.message_bytes_max());
        world.set_parcel_delay(setting.parcel_delay);
        Director {
            world,
            ledger,
            dice,
            setting,
            members: Vec::new(),
            strangers: Vec::new(),
            withins: Vec::new(),
            plan: BTreeMap::new(),
            planned: 0,
            is_shut_down: false,
        }
    }

    /// Lets everything happen, to the end of the world. All that was said in it, in one number; and what happened.
    pub(super) fn run(mut self) -> (Transcript, Totals) {
        let setting = format!("{:?}", self.setting);
        self.tell(|| setting);
        self.lay_plans();
        while let Some(entry) = self.plan.first_entry() {
            let ((at, _), act) = entry.remove_entry();
            if at > self.setting.length {
                break;
            }
            self.world.run_until(at);
            act(&mut self);
        }
        self.world.run_until(self.world.now().max(self.setting.length));
        self.end();
        let Director { world, ledger, .. } = self;
        ledger.borrow_mut().totals.time = world.now();
        ledger.borrow_mut().disturb_all();
        let transcript = world.end();
        let mut ledger = ledger.borrow_mut();
        ledger.close();
        (transcript, ledger.totals.clone())
    }

    // --- The plan --------------------------------------------------------------------------------------------

    fn lay_plans(&mut self) {
        for name in 0..self.setting.names.len() {
            if self.setting.names[name].full == FAR {
                continue;
            }
            let at = ms(self.dice.up_to(4_000) as u64);
            self.at(at, move |director| director.publisher_comes(name, false));
            if self.setting.names[name].has_backups {
                let at = ms(self.dice.up_to(20_000) as u64);
                self.at(at, move |director| director.backup_comes(name));
            }
            if self.dice.one_in(6) {
                let at = ms(self.dice.up_to(55_000) as u64);
                self.at(at, move |director| director.publisher_comes(name, false));
            }
        }
        let players = 14 + self.dice.up_to(12);
        for _ in 0..players {
            let at = ms(self.dice.up_to(50_000) as u64);
            self.at(at, Director::player_comes);
        }
        let troubles = 8 + self.dice.up_to(14);
        for _ in 0..troubles {
            let at = ms(3_000 + self.dice.up_to(53_000) as u64);
            self.at(at, Director::something_happens);
        }
        for at in [15_000, 22_000, 29_000, 36_000, 43_000, 50_000] {
            self.at(ms(at), |director| director.ledger.borrow().check_what_is_steady(director.world.now()));
        }
        super::troubles::plan_rarity(self);
    }

    /// At that time, if the world lasts so long.
    pub(super) fn at(&mut self, at: Duration, act: impl FnOnce(&mut Director) + 'static) {
        self.planned += 1;
        self.plan.insert((at, self.planned), Box::new(act));
    }

    /// After a while.
    pub(super) fn after(&mut self, while_: Duration, act: impl FnOnce(&mut Director) + 'static) {
        self.at(self.world.now() + while_, act);
    }

    fn something_happens(&mut self) {
        let all: usize = TROUBLES.iter().map(|trouble| trouble.weight).sum();
        // Not everything can happen at any time.
        for _ in 0..10 {
            let mut throw = self.dice.up_to(all);
            let trouble = TROUBLES.iter().find(|trouble| {
                let is_it = throw <= trouble.weight;
                throw = throw.saturating_sub(trouble.weight);
                is_it
            });
            if let Some(trouble) = trouble
                && (trouble.happens)(self)
            {
                return;
            }
        }
    }

    // --- Who comes -------------------------------------------------------------------------------------------

    /// Somebody plays.
    fn player_comes(&mut self) {
        let mut name = self.any_name();
        if self.setting.names[name].is_large() && self.dice.one_in(2) {
            // What is large is dear to watch.
            name = 0;
        }
        let way = Way::roll(&mut self.dice);
        self.plays(name, way);
    }

    pub(super) fn plays(&mut self, name: usize, way: Way) -> Option<usize> {
        let full = self.setting.names[name].full.clone();
        let at_the_end =
            self.dice.pick(&[AtTheEnd::Leaves, AtTheEnd::Leaves, AtTheEnd::Stays, AtTheEnd::PlaysAgain]);
        let is_hasty = self.dice.one_in(10);
        let manner = Manner { at_the_end, is_hasty, ..self.manner(way, name) };
        let link = way.link(&mut self.dice);
        let member = self.member_comes(&full, link, manner)?;
        self.tell_of(member, &format!("comes to play {full} over {way:?}"));
        self.members[member].client.with(|actor| actor.does(Errand::Play { name: full }));
        if self.dice.one_in(3) {
            let stays = ms(4_000 + self.dice.up_to(40_000) as u64);
            self.after(stays, move |director| {
                if director.is_there(member) {
                    director.tell_of(member, "leaves");
                    director.members[member].is_served = false;
                    director.members[member].client.with(Actor::leaves);
                }
            });
        }
        Some(member)
    }

    /// A client that does nothing yet; none where it is turned away.
    pub(super) fn member_comes(&mut self, name: &str, link: LinkOptions, manner: Manner) -> Option<usize> {
        // What is in front of the slash is one's own choice.
        let app = match self.dice.up_to(5) {
            1 => "",
            _ => name.split_once('/').map_or("", |(app, _)| app),
        };
        self.member_of_app(app, link, manner)
    }

    pub(super) fn member_of_app(&mut self, app: &str, link: LinkOptions, manner: Manner) -> Option<usize> {
        let options = self.peer_options();
        let actor = Actor::new(app, options, manner, Rc::clone(&self.ledger));
        let client = self.comes(actor, link)?;
        client.with(|actor| actor.sits(client.session()));
        self.ledger.borrow_mut().set_undisturbed(client.session(), manner.delay_max.is_some());
        self.members.push(Member { client, is_served: true, is_spared: false });
        Some(self.members.len() - 1)
    }

    /// Somebody who may not speak RTMP at all.
    pub(super) fn stranger_comes(&mut self, bytes: &[u8], link: LinkOptions) -> Option<usize> {
        let mut stranger = Stranger::default();
        stranger.say(bytes);
        let client = self.comes(stranger, link)?;
        self.strangers.push(client);
        Some(self.strangers.len() - 1)
    }

    fn comes<S: crate::peer::script::Script>(&mut self, script: S, link: LinkOptions) -> Option<Client<S>> {
        self.world.set_link(link);
        let at = self.dice.up_to(self.setting.loops) - 1;
        let came = self.world.next_at(at).comes(script);
        let mut ledger = self.ledger.borrow_mut();
        ledger.totals.connections += 1;
        match came {
            Ok(client) => Some(client),
            Err(away) => {
                ledger.totals.count(turn("turned away", away.code()));
                if !self.is_shut_down {
                    drop(ledger);
                    self.count("too-many-connections");
                }
                None
            }
        }
    }

    fn peer_options(&mut self) -> PeerOptions {
        let kinds = [
            HandshakeKind::Simple,
            HandshakeKind::Simple,
            HandshakeKind::DigestFirst,
            HandshakeKind::KeyFirst,
        ];
        let sizes = [
            ChunkSizeHabit::Never,
            ChunkSizeHabit::BeforeConnect(4_096),
            ChunkSizeHabit::AfterConnect(65_536),
            ChunkSizeHabit::BeforeConnect(1_000_000),
        ];
        PeerOptions {
            handshake: self.dice.pick(&kinds),
            seed: self.dice.roll(),
            glue_connect_to_c2: self.dice.one_in(4),
            chunk_size: self.dice.pick(&sizes),
            headers: self.dice.pick(&[Headers::Compact, Headers::Compact, Headers::Full]),
            object_encoding: self.dice.pick(&[None, Some(0), Some(3)]),
            acknowledges: !self.dice.one_in(5),
            answers_bandwidth: !self.dice.one_in(5),
            ..PeerOptions::default()
        }
    }

    pub(super) fn manner(&mut self, way: Way, name: usize) -> Manner {
        let is_smooth =
            way != Way::Mobile && !self.setting.has_bursts && !self.setting.names[name].is_large();
        let form = self.form();
        Manner {
            form,
            is_hasty: false,
            aggregates: ms(0),
            at_the_end: AtTheEnd::Leaves,
            reaction: ms(self.dice.up_to(1_500) as u64),
            delay_max: is_smooth.then_some(PROMPT),
        }
    }

    /// In which form somebody wants what it plays. The `legacy` form of what has codecs by FourCC is another matter.
    fn form(&mut self) -> &'static str {
        let forms: &[(&str, &str)] = match self.setting.has_legacy_codecs_only {
            true => &[("plays-one-track", "?form=one-track"), ("plays-legacy", "?form=legacy")],
            false => &[("plays-one-track", "?form=one-track")],
        };
        if !self.dice.one_in(5) {
            return "";
        }
        let (what, query) = self.dice.pick(forms);
        self.count(what);
        query
    }

    // --- Whom it befalls -------------------------------------------------------------------------------------

    /// A publisher that may be troubled, and the NetStream on which it publishes.
    pub(super) fn any_publisher(&mut self) -> Option<(usize, StreamId)> {
        self.any(Actor::publishing)
    }

    /// A player that may be troubled, and a NetStream on which it plays.
    pub(super) fn any_player(&mut self) -> Option<(usize, StreamId)> {
        self.any(|actor| if actor.publishing().is_empty() { actor.playing() } else { Vec::new() })
    }

    fn any(&mut self, of: impl Fn(&Actor) -> Vec<StreamId>) -> Option<(usize, StreamId)> {
        let mut those = Vec::new();
        for index in 0..self.members.len() {
            if self.is_there(index) && self.members[index].is_served && !self.members[index].is_spared {
                let streams = self.members[index].client.with(|actor| of(actor));
                those.extend(streams.into_iter().map(|stream| (index, stream)));
            }
        }
        (!those.is_empty()).then(|| self.dice.pick(&those))
    }

    /// Whether it has not left, as far as both sides know.
    pub(super) fn is_there(&self, member: usize) -> bool {
        let client = &self.members[member].client;
        client.ended_at().is_none()
            && self.world.session(client).is_some_and(|session| session.closing().is_none())
    }

    pub(super) fn any_name(&mut self) -> usize {
        let names = self.setting.names.iter().filter(|name| name.full != FAR).count();
        self.dice.up_to(names) - 1
    }

    /// The same, such as this one can say on its connection.
    pub(super) fn any_name_for(&mut self, member: usize) -> String {
        let names: Vec<usize> = {
            let can_say = |name: &str| self.members[member].client.with(|actor| actor.can_say(name));
            let names = self.setting.names.iter().enumerate();
            names
                .filter(|(_, name)| name.full != FAR && can_say(&name.full))
                .map(|(index, _)| index)
                .collect()
        };
        if names.is_empty() {
            return "live/nothing".to_owned();
        }
        let name = self.dice.pick(&names);
        if self.setting.names[name].is_large() {
            self.disturbs(member);
        }
        self.setting.names[name].full.clone()
    }

    pub(super) fn name_index(&self, full: &str) -> usize {
        self.setting.names.iter().position(|name| name.full == full).unwrap_or_default()
    }

    /// What it sends and gets may be late from here on.
    pub(super) fn disturbs(&mut self, member: usize) {
        let (publications, plays) = self.members[member].client.with(|actor| {
            actor.may_be_late();
            actor.publications_and_plays()
        });
        let session = self.members[member].client.session();
        let mut ledger = self.ledger.borrow_mut();
        ledger.set_undisturbed(session, false);
        let on_the_way_since = self.world.now().saturating_sub(PROMPT);
        publications
            .into_iter()
            .for_each(|publication| ledger.publications[publication].may_be_late(on_the_way_since));
        plays.into_iter().for_each(|play| ledger.plays[play].delay_max = None);
    }

    /// Whatever somebody gets of a name may be late, and much of it.
    pub(super) fn disturbs_players_of(&mut self, name: usize) {
        let full = self.setting.names[name].full.clone();
        for member in 0..self.members.len() {
            if self.members[member].client.with(|actor| actor.plays(&full)) {
                self.disturbs(member);
                self.world.watch_lag(&self.members[member].client, BTreeMap::new());
            }
        }
    }

    /// It is held to the lag that the configuration allows.
    pub(super) fn watch_lag(&mut self, member: usize) {
        let mut most = self.setting.lag_bounds();
        most.remove(FAR);
        self.world.watch_lag(&self.members[member].client, most);
    }

    // --- How it ends -----------------------------------------------------------------------------------------

    fn end(&mut self) {
        self.plan.clear();
        self.ledger.borrow().check_what_is_steady(self.world.now());
        self.all_is_healed();
        match self.setting.ending {
            _ if self.is_shut_down => self.world.run_for(ms(8_000)),
            Ending::InGoodOrder => self.ends_in_good_order(),
            Ending::Shutdown => {
                self.shuts_down();
                self.world.run_for(ms(8_000));
                assert_eq!(self.world.session_count(), 0, "the server has shut down, and sessions are left");
            }
            Ending::AtOnce => {}
        }
        for index in 0..self.withins.len() {
            self.part(index, Part::Vanished);
        }
    }

    /// Nothing holds anybody up any more who can be helped.
    fn all_is_healed(&mut self) {
        self.tell(|| "all that can be is healed".to_owned());
        let operator = Operator { is_slow: false, refuses: 0, is_too_late: 0, says_nothing: 0 };
        let dice = self.dice.fork();
        self.world.set_policy(policy(operator, &self.setting, dice, Rc::clone(&self.ledger)));
        (0..self.setting.loops).for_each(|index| self.world.let_through(index));
        for member in self.members.iter().filter(|member| member.is_served) {
            self.world.plug_in(&member.client);
            self.world.resume(&member.client);
            self.world.set_speed(&member.client, u64::MAX);
        }
        self.world.run_for(ms(1_500));
    }

    fn ends_in_good_order(&mut self) {
        self.ledger.borrow().check_those_who_were_replaced();
        self.tell(|| "all publishers end in good order".to_owned());
        for index in 0..self.members.len() {
            if self.is_there(index) {
                self.members[index].client.with(|actor| {
                    for stream in actor.publishing() {
                        actor.finishes(stream, true);
                    }
                });
            }
        }
        for index in 0..self.withins.len() {
            self.part(index, Part::InGoodOrder);
        }
        // Some are silent, and have yet to be taken for dead.
        for _ in 0..SILENCE_SECONDS_MAX {
            if self.ledger.borrow().are_all_over() {
                break;
            }
            self.world.run_for(ms(1_000));
        }
        // Every grace is over, and every buffer empty.
        self.world.run_for(self.setting.rules.grace + ms(8_000));
        let served: Vec<SessionId> = (0..self.members.len())
            .filter(|&index| self.members[index].is_served && self.is_there(index))
            .map(|index| self.members[index].client.session())
            .collect();
        self.ledger.borrow_mut().check_that_all_were_told(|session| served.contains(&session));
    }

    pub(super) fn shuts_down(&mut self) {
        self.tell(|| "the server shuts down".to_owned());
        self.is_shut_down = true;
        self.world.shutdown();
    }

    // --- What is told ----------------------------------------------------------------------------------------

    /// A fault has befallen somebody.
    pub(super) fn count(&mut self, fault: &str) {
        let mut ledger = self.ledger.borrow_mut();
        ledger.totals.faults += 1;
        ledger.totals.count(turn("fault", fault));
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.world.now();
        self.ledger.borrow_mut().story.tell(now, line);
    }

    pub(super) fn tell_of(&mut self, member: usize, what: &str) {
        let session = self.members[member].client.session();
        self.tell(|| format!("session {session} {what}"));
    }
}

/// How the application answers: as the operator decides, and as the dice fall.
fn policy(
    operator: Operator,
    setting: &Setting,
    dice: Dice,
    ledger: Shared,
) -> impl Fn(&Request) -> Answer + 'static {
    let dice = RefCell::new(dice);
    let too_late = setting.config.session.timers.answer + ms(500);
    move |request| {
        let dice = &mut *dice.borrow_mut();
        let happens = |dice: &mut Dice, one_in: usize| one_in > 0 && dice.one_in(one_in);
        let (answer, policy) = if request.name.as_str().starts_with(HELD) {
            (Answer::never(), "never-answers")
        } else if happens(dice, operator.refuses) {
            let why = match (dice.up_to(2), request.kind) {
                (1, _) => Refusal::Denied("The key is not known.".into()),
                (_, RequestKind::Publish) => Refusal::Rejected("Not at this time of day.".into()),
                (_, RequestKind::Play) => Refusal::Rejected("Not in this country.".into()),
            };
            (Answer::refuse(why), "refuses")
        } else if happens(dice, operator.is_too_late) {
            (Answer::allow().after(too_late), "allows-too-late")
        } else if happens(dice, operator.says_nothing) {
            (Answer::never(), "never-answers")
        } else if operator.is_slow {
            (Answer::allow().after(ms(20 + dice.up_to(1_500) as u64)), "allows-late")
        } else {
            (Answer::allow(), "allows-at-once")
        };
        ledger.borrow_mut().totals.count(turn("policy", policy));
        answer
    }
}

/// Names of which nothing is ever said.
pub(super) const HELD: &str = "held/";

/// The name of the stream whose time is used up.
pub(super) const FAR: &str = "live/far";

/// After so long nobody is silent any more.
const SILENCE_SECONDS_MAX: usize = 40;

/// Up or down, how long something takes at most that nothing holds up: what gathers and what crosses among it.
const PROMPT: Duration = ms(1_200);
