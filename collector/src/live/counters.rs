//! Counters of a site that stay true with late data: they grow when a backlog arrives.

use std::collections::BTreeMap;

use suar_wire::Body;
use suar_wire::bandwidth::{Direction, TestEnd};
use suar_wire::slot::SECONDS_A_DAY;

use super::Timed;
use crate::calendar::Span;
use crate::day::{Day, DaySummary, State};
use crate::summary::echoes_that_tell_loss;

/// Whether a moment lies in a site's office hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hours {
    Office,
    Off,
}

impl Hours {
    pub const ALL: [Self; 2] = [Self::Office, Self::Off];

    /// The stable name, as in metric labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::Off => "off",
        }
    }
}

/// Sums over all agents of a site: two agents that saw the same slot make two slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    slots_up: [u64; 2],
    slots_down: [u64; 2],
    /// ICMP echoes to external targets while the link was up.
    pub echoes_sent: u64,
    pub echoes_lost: u64,
    /// Bandwidth tests and their bytes.
    pub tests: BTreeMap<(Direction, TestEnd), Tests>,
}

/// Tests that ended alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tests {
    pub count: u64,
    pub bytes: u64,
}

impl Counters {
    pub fn slots_up(&self, hours: Hours) -> u64 {
        self.slots_up[hours as usize]
    }

    pub fn slots_down(&self, hours: Hours) -> u64 {
        self.slots_down[hours as usize]
    }

    pub fn add(&mut self, other: &Self) {
        for hours in Hours::ALL {
            self.slots_up[hours as usize] += other.slots_up[hours as usize];
            self.slots_down[hours as usize] += other.slots_down[hours as usize];
        }
        self.echoes_sent += other.echoes_sent;
        self.echoes_lost += other.echoes_lost;
        for (key, tests) in &other.tests {
            self.add_tests(*key, *tests);
        }
    }

    fn add_tests(&mut self, key: (Direction, TestEnd), tests: Tests) {
        let sum = self.tests.entry(key).or_default();
        sum.count += tests.count;
        sum.bytes = sum.bytes.saturating_add(tests.bytes);
    }

    pub(super) fn count(&mut self, timed: &Timed, hours: impl Fn(i64) -> Hours) {
        if let Body::Bandwidth(test) = &timed.record.body {
            self.add_tests((test.direction, test.end), Tests { count: 1, bytes: test.bytes });
        }
        let Body::Round(round) = &timed.record.body else { return };
        let slots = if round.verdict.is_up() { &mut self.slots_up } else { &mut self.slots_down };
        let slot = round.slot.width.slot_at(timed.at_ms);
        slots[hours(slot.start_ms()) as usize] += 1;
        for echo in echoes_that_tell_loss(round) {
            self.echoes_sent += u64::from(echo.sent);
            self.echoes_lost += u64::from(echo.lost());
        }
    }

    /// What one agent's day comes to, given the office hours in it. A summary keeps seconds and the widest
    /// slot of its day: on a day on which the width changed the narrower slots count as parts of one.
    pub fn of_day(summary: &DaySummary, day: Day, open: &[Span]) -> Self {
        let mut counters = Self::default();
        let width_s = i64::from(summary.slot_seconds.max(1));
        for run in &summary.runs {
            let slots = match run.state {
                State::Up => &mut counters.slots_up,
                State::Down(_) => &mut counters.slots_down,
                State::Unobserved(_) => continue,
            };
            let start_s = i64::from(day) * i64::from(SECONDS_A_DAY) + i64::from(run.start_s);
            let all = div_ceil(i64::from(run.length_s), width_s);
            // A slot is in office hours when it begins in them.
            let begun_before = |moment_s: i64| div_ceil(moment_s - start_s, width_s).clamp(0, all);
            let in_hours: i64 =
                open.iter().map(|span| begun_before(span.end_s) - begun_before(span.start_s)).sum();
            slots[Hours::Office as usize] += in_hours.unsigned_abs();
            slots[Hours::Off as usize] += (all - in_hours).unsigned_abs();
        }
        for block in summary.blocks.iter() {
            counters.echoes_sent += u64::from(block.sent);
            counters.echoes_lost += u64::from(block.lost);
        }
        for test in &summary.tests {
            counters.add_tests((test.direction, test.end), Tests { count: 1, bytes: test.bytes });
        }
        counters
    }
}

/// Rounds up, for negative numbers too; the divisor is positive.
fn div_ceil(number: i64, divisor: i64) -> i64 {
    -(-number).div_euclid(divisor)
}
