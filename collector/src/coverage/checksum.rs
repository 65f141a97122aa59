//! A checksum of everything that went into a report, so that two people can see that theirs came from
//! the same records and rules.

use std::fmt;

use ring::digest::{Context, SHA256};
use suar_wire::Cause;

use super::rules::Rules;
use super::site::{AgentDays, Period, SiteInput};
use crate::calendar::Holidays;
use crate::day::{Reason, State};
use crate::registry::Site;

/// Hashing a few bytes at a time costs more than hashing them together.
const BUFFER_BYTES: usize = 16 * 1024;

/// SHA-256 over a canonical form of the input, in the order it was added.
#[derive(Clone)]
pub struct InputChecksum {
    hashed: Context,
    waiting: Vec<u8>,
}

impl InputChecksum {
    pub fn new(period: Period, rules: &Rules, holidays: &Holidays) -> Self {
        let mut checksum = Self { hashed: Context::new(&SHA256), waiting: Vec::with_capacity(BUFFER_BYTES) };
        checksum.text("suar report input 2");
        checksum.number(period.window.start_s);
        checksum.number(period.window.end_s);
        // Debug of plain numbers is stable and needs no error path.
        checksum.text(&format!("{:?} {rules:?}", period.kind));
        for holiday in holidays.iter() {
            let hours = holiday.hours.as_ref().map(ToString::to_string).unwrap_or_default();
            checksum.text(&format!("{} {} {hours}", holiday.date, holiday.scope));
        }
        checksum
    }

    /// Adds one office; the caller keeps the order by code.
    pub fn add(&mut self, input: SiteInput<'_>) {
        self.site(input.site);
        for earlier in input.earlier {
            self.number(earlier.until_s);
            self.site(&earlier.site);
        }
        self.number(input.measured.start_s);
        self.number(input.measured.end_s);
        for agent in input.agents {
            self.agent(agent);
        }
    }

    /// Lower-case hexadecimal.
    pub fn finish(mut self) -> String {
        self.hashed.update(&self.waiting);
        data_encoding::HEXLOWER.encode(self.hashed.finish().as_ref())
    }

    fn site(&mut self, site: &Site) {
        let point = site.point.map_or_else(String::new, |p| format!("{},{}", p.latitude, p.longitude));
        self.text(&format!(
            "site {} {} {:?} {:?} {} {:?} {} {:?}",
            site.code,
            site.village,
            site.island,
            site.link,
            point,
            site.time_zone,
            site.hours,
            site.power_hours
        ));
    }

    fn agent(&mut self, agent: &AgentDays) {
        self.text("agent");
        for (day, summary) in &agent.days {
            self.number(i64::from(*day));
            self.number(i64::from(summary.slot_seconds));
            for run in &summary.runs {
                self.number(i64::from(run.start_s));
                self.number(i64::from(run.length_s));
                self.number(state_code(run.state));
            }
            for block in &summary.blocks {
                self.number(-1 - i64::from(block.block));
                for count in [block.sent, block.lost, block.late, block.duplicates] {
                    self.number(i64::from(count));
                }
                for (bucket, count) in &block.rtt.buckets {
                    self.number(i64::from(*bucket) << 32 | i64::from(*count));
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() > BUFFER_BYTES {
            self.hashed.update(&self.waiting);
            self.waiting.clear();
        }
        self.waiting.extend_from_slice(bytes);
    }
}

fn state_code(state: State) -> i64 {
    let place = |found: Option<usize>| found.map_or(99, |at| at as i64);
    match state {
        State::Up => 0,
        State::Down(cause) => 100 + place(Cause::ALL.iter().position(|known| *known == cause)),
        State::Unobserved(reason) => 200 + place(Reason::ALL.iter().position(|known| *known == reason)),
    }
}

impl fmt::Debug for InputChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputChecksum")
    }
}
