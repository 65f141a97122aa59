//! A checksum of everything that went into a report, so that two people can see that theirs came from
//! the same records and rules.

use ring::digest::{Context, Digest, SHA256};
use suar_wire::{Cause, SiteCode};

use super::data::MonthData;
use super::rules::Rules;
use super::site::{AgentDays, Period, SiteInput};
use crate::calendar::Holidays;
use crate::day::{Reason, State};
use crate::registry::Site;

/// SHA-256 over a canonical form of the input, in the order it was added.
#[derive(Clone)]
pub struct InputChecksum(Hash);

/// Of what went in of one office; made wherever the office is judged.
#[derive(Debug, Clone, Copy)]
pub struct SiteChecksum(Digest);

impl InputChecksum {
    pub fn new(period: Period, rules: &Rules, holidays: &Holidays) -> Self {
        let mut hash = Hash::new();
        hash.text("suar report input 4");
        hash.number(period.window.start_s);
        hash.number(period.window.end_s);
        // Debug of plain numbers is stable and needs no error path.
        hash.text(&format!("{:?} {rules:?}", period.kind));
        for holiday in holidays.iter() {
            let hours = holiday.hours.as_ref().map(ToString::to_string).unwrap_or_default();
            hash.text(&format!("{} {} {hours} {:?}", holiday.date, holiday.scope, holiday.name));
        }
        Self(hash)
    }

    /// Adds one office; the caller keeps the order by code.
    pub fn add(&mut self, site: &SiteChecksum) {
        self.0.bytes(site.0.as_ref());
    }

    /// Adds what monitoring used at an office; the caller keeps the order by code.
    pub fn add_data(&mut self, site: &SiteCode, months: &[MonthData]) {
        for MonthData { month, paid_bytes, by_purpose, step } in months {
            self.0.text(&format!("data {site} {month} {paid_bytes} {}", step.label()));
            for (purpose, bytes) in by_purpose {
                self.0.text(&format!("{} {bytes}", purpose.label()));
            }
        }
    }

    /// Lower-case hexadecimal.
    pub fn finish(self) -> String {
        data_encoding::HEXLOWER.encode(self.0.finish().as_ref())
    }
}

impl SiteChecksum {
    pub fn of(input: SiteInput<'_>) -> Self {
        let mut hash = Hash::new();
        hash.site(input.site);
        for earlier in input.earlier {
            hash.number(earlier.until_s);
            hash.site(&earlier.site);
        }
        hash.number(input.measured.start_s);
        hash.number(input.measured.end_s);
        for agent in input.agents {
            hash.agent(agent);
        }
        Self(hash.finish())
    }
}

/// Hashing a few bytes at a time costs more than hashing them together.
const BUFFER_BYTES: usize = 16 * 1024;

#[derive(Clone)]
struct Hash {
    hashed: Context,
    waiting: Vec<u8>,
}

impl Hash {
    fn new() -> Self {
        Self { hashed: Context::new(&SHA256), waiting: Vec::with_capacity(BUFFER_BYTES) }
    }

    fn finish(mut self) -> Digest {
        self.hashed.update(&self.waiting);
        self.hashed.finish()
    }

    fn site(&mut self, site: &Site) {
        let point = site.point.map_or_else(String::new, |p| format!("{},{}", p.latitude, p.longitude));
        self.text(&format!(
            "site {} {:?} {:?} {:?} {:?} {} {:?} {:?} {} {:?} {} {:?}",
            site.code,
            site.name,
            site.provider,
            site.subscribed_download_kbps,
            site.subscribed_upload_kbps,
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
            self.small(summary.slot_seconds);
            self.length(&summary.runs);
            for run in &summary.runs {
                self.small(run.start_s);
                self.small(run.length_s);
                self.small(state_code(run.state));
            }
            self.length(&summary.tests);
            for test in &summary.tests {
                self.small(test.second);
                self.small(test.direction.code());
                self.small(test.end.code());
                self.number(test.rate_bps as i64);
            }
            // As they are stored: a third of what they come to as numbers of fixed width.
            let half_hours = summary.blocks.as_bytes();
            self.length(half_hours);
            self.bytes(half_hours);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }

    fn length<T>(&mut self, list: &[T]) {
        self.number(list.len() as i64);
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn small(&mut self, number: u32) {
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

fn state_code(state: State) -> u32 {
    let place = |found: Option<usize>| found.map_or(99, |at| at as u32);
    match state {
        State::Up => 0,
        State::Down(cause) => 100 + place(Cause::ALL.iter().position(|known| *known == cause)),
        State::Unobserved(reason) => 200 + place(Reason::ALL.iter().position(|known| *known == reason)),
    }
}

impl std::fmt::Debug for InputChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InputChecksum")
    }
}
