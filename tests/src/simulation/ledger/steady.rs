//! Steady: what must hold of publishers that nothing has befallen for a while, and of whoever was replaced some time ago.

use std::time::Duration;

use sol_core::hub::PublisherRole;

use super::{Asked, Ledger};
use crate::simulation::publication::Replaced;

impl Ledger {
    /// How the world is when nothing happens for a moment: whoever publishes alone and steadily is seen to the live edge; of two only
    /// one is on air, as both were told; and the main one is, where it is given back what it had.
    pub(in crate::simulation) fn check_what_is_steady(&self, now: Duration) {
        for (name, orders) in &self.orders {
            let live: Vec<usize> =
                orders.iter().copied().filter(|&each| self.publications[each].is_live()).collect();
            let steady = |each: &usize| self.publications[*each].is_steady(now, &self.rules);
            if let [only] = live[..]
                && steady(&only)
            {
                let published = orders
                    .iter()
                    .filter(|&&each| each != only)
                    .filter_map(|&each| self.publications[each].ended());
                let alone_since = published.max().unwrap_or_default();
                self.check_the_live_edge(name, only, alone_since, now);
            }
            if live.len() < 2 || !live.iter().all(steady) {
                continue;
            }
            let on_air: Vec<_> = live.iter().filter(|&&each| self.publications[each].on_air.0).collect();
            assert_eq!(
                on_air.len(),
                1,
                "of {live:?}, who publish {name}, {on_air:?} are on air, as they were told"
            );
            let of_role = |role| {
                live.iter().map(|&each| &self.publications[each]).find(|each| each.showing.role == role)
            };
            if let Some(main) =
                of_role(PublisherRole::Main).filter(|main| self.rules.give_back && main.has_places_to_begin())
            {
                assert!(
                    main.on_air.0,
                    "the main publisher of {name} has been there for long, and is not on air"
                );
            }
        }
    }

    /// Everybody who plays it and whom nothing holds up has seen what the only publisher has sent.
    fn check_the_live_edge(&self, name: &str, only: usize, alone_since: Duration, now: Duration) {
        let publication = &self.publications[only];
        let plays = self.running.iter().filter_map(|((session, _), asked)| match asked {
            Asked::Play(number) if self.undisturbed.contains(session) => Some(&self.plays[*number]),
            Asked::Play(_) | Asked::Publication(_) => None,
        });
        for play in plays.filter(|play| *play.name == *name) {
            let Some((up, down)) = publication.delay_max.zip(play.steady_delay(now, publication)) else {
                continue;
            };
            let since = publication.since().unwrap_or_default().max(alone_since);
            if now < since + publication.settling_time(&self.rules) + up + down {
                continue;
            }
            let due = publication
                .sent
                .iter()
                .rposition(|sent| sent.media.role.is_frame() && sent.at + up + down < now);
            let is_there =
                play.place().is_some_and(|(at, next)| at == only && due.is_none_or(|due| due < next));
            assert!(
                is_there,
                "session {} plays {name}, which {only} has published alone since {since:?}, and is at {:?} and not at {due:?}",
                play.session,
                play.place()
            );
        }
    }

    /// Whoever was replaced is told, and its publication ends; nobody holds anything up any more who is undisturbed.
    pub(in crate::simulation) fn check_those_who_were_replaced(&self) {
        const TOLD_TIME: Duration = Duration::from_secs(5);
        let delay = self.rules.delay_between_loops;
        for (number, publication) in self.publications.iter().enumerate() {
            let Some(Replaced { at, ended, is_heard }) = publication.replaced else { continue };
            assert!(
                ended.is_some() || publication.delay_max.is_none() || at + delay + TOLD_TIME > self.now,
                "publisher {number} was replaced at {at:?}, and is there"
            );
            assert!(
                is_heard
                    || publication.delay_max.is_none()
                    || !publication.ends_replaced
                    || at + delay + TOLD_TIME > self.now,
                "publisher {number} was replaced at {at:?}, and was not told"
            );
        }
    }
}
