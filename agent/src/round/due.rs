//! What a round asks besides its echoes. Pure.

use suar_wire::Plan;

/// The single-answer probes, by whether they are to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asks {
    pub dns: bool,
    pub dns_public: bool,
    pub online: bool,
    pub collector: bool,
}

impl Asks {
    pub const ALL: Self = Self { dns: true, dns_public: true, online: true, collector: true };

    pub fn without(self, asked: Self) -> Self {
        Self {
            dns: self.dns && !asked.dns,
            dns_public: self.dns_public && !asked.dns_public,
            online: self.online && !asked.online,
            collector: self.collector && !asked.collector,
        }
    }
}

/// A round's number since the start, what is due in it, and what it cannot find out itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub number: u64,
    pub asks: Asks,
    /// The collector's time proves the wall clock wrong.
    pub clock_wrong: bool,
}

/// What the agent knows before a round that makes it ask more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worries {
    /// The newest verdict was down: every round is a diagnosis until it is not.
    pub down: bool,
    /// The newest push failed. While pushes arrive they are proof enough, and cost nothing extra.
    pub pushes_fail: bool,
    pub clock_wrong: bool,
}

impl Due {
    /// Everything, as in the first round and in `check`.
    pub fn check(clock_wrong: bool) -> Self {
        Self { number: 0, asks: Asks::ALL, clock_wrong }
    }

    /// `short`: the slot has no time for a question after a failure, so that the questions that explain
    /// each other (own and public resolver, online check and collector) are asked together.
    pub fn new(plan: &Plan, number: u64, worries: Worries, short: bool) -> Self {
        let clock_wrong = worries.clock_wrong;
        if number == 0 || worries.down {
            return Self { number, asks: Asks::ALL, clock_wrong };
        }
        let dns = number.is_multiple_of(u64::from(plan.dns_every));
        let online = number.is_multiple_of(u64::from(plan.online_every));
        Self {
            number,
            clock_wrong,
            asks: Asks {
                dns,
                dns_public: dns && short,
                online,
                collector: online && (short || worries.pushes_fail),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(number: u64, worries: Worries, short: bool) -> Asks {
        Due::new(&Plan::standard(), number, worries, short).asks
    }

    #[test]
    fn a_quiet_hour_asks_as_often_as_the_plan_says() {
        let hour: Vec<Asks> = (1..=60).map(|number| asks(number, Worries::default(), false)).collect();
        assert_eq!(hour.iter().filter(|asks| asks.dns).count(), 12);
        assert_eq!(hour.iter().filter(|asks| asks.online).count(), 2);
        assert!(hour.iter().all(|asks| !asks.dns_public && !asks.collector));
    }

    #[test]
    fn the_first_round_and_every_round_in_trouble_ask_everything() {
        assert_eq!(asks(0, Worries::default(), false), Asks::ALL);
        assert_eq!(asks(7, Worries { down: true, ..Worries::default() }, false), Asks::ALL);
    }

    #[test]
    fn a_short_slot_asks_together_what_explains_each_other() {
        let quiet = Worries::default();
        assert_eq!(asks(30, quiet, true), Asks::ALL);
        assert_eq!(asks(1, quiet, true), Asks::default());
        let failing = Worries { pushes_fail: true, ..quiet };
        assert!(asks(30, failing, false).collector && !asks(15, failing, false).collector);
    }
}
