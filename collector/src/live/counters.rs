//! Counters of a site that stay true with late data: they grow when a backlog arrives.

use suar_wire::Body;

use super::Timed;
use crate::day::{BLOCK_SECONDS, DaySummary, State};

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
    /// ICMP echoes to external targets.
    pub echoes_sent: u64,
    pub echoes_lost: u64,
}

impl Counters {
    pub fn slots_up(&self, hours: Hours) -> u64 {
        self.slots_up[hours as usize]
    }

    pub fn slots_down(&self, hours: Hours) -> u64 {
        self.slots_down[hours as usize]
    }

    pub(super) fn add(&mut self, other: &Self) {
        for hours in Hours::ALL {
            self.slots_up[hours as usize] += other.slots_up[hours as usize];
            self.slots_down[hours as usize] += other.slots_down[hours as usize];
        }
        self.echoes_sent += other.echoes_sent;
        self.echoes_lost += other.echoes_lost;
    }

    pub(super) fn count(&mut self, timed: &Timed, hours: impl Fn(i64) -> Hours) {
        let Body::Round(round) = &timed.record.body else { return };
        let slots = if round.verdict.is_up() { &mut self.slots_up } else { &mut self.slots_down };
        let slot = round.slot.width.slot_at(timed.at_ms);
        slots[hours(slot.start_ms()) as usize] += 1;
        for echo in round.echoes.iter().filter(|echo| echo.method == suar_wire::EchoMethod::Icmp) {
            self.echoes_sent += u64::from(echo.sent);
            self.echoes_lost += u64::from(echo.lost());
        }
    }

    /// What one agent's day comes to in slots of the given width. Summaries keep seconds, not slots, so
    /// after a change of the width the past is counted in slots of the new one.
    pub fn of_day(
        summary: &DaySummary,
        day_start_ms: i64,
        slot_seconds: u32,
        hours: impl Fn(i64) -> Hours,
    ) -> Self {
        let mut counters = Self::default();
        let width = slot_seconds.max(1);
        for run in &summary.runs {
            let slots = match run.state {
                State::Up => &mut counters.slots_up,
                State::Down(_) => &mut counters.slots_down,
                State::Unobserved(_) => continue,
            };
            // Slot by slot, for office hours may begin within a run.
            for start_s in (run.start_s..run.start_s + run.length_s).step_by(width as usize) {
                slots[hours(day_start_ms + i64::from(start_s) * 1000) as usize] += 1;
            }
        }
        debug_assert!(summary.blocks.iter().all(|block| u32::from(block.block) < 86_400 / BLOCK_SECONDS));
        for block in &summary.blocks {
            counters.echoes_sent += u64::from(block.sent);
            counters.echoes_lost += u64::from(block.lost);
        }
        counters
    }
}
