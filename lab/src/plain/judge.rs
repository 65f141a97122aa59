//! One office, from its truth to its standing.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::bandwidth::{Direction, TestEnd};
use suar_wire::{Body, Cause, Plan};

use super::calendar::{is_supplied, local_day, open_minutes};
use super::sure::{self, Share};
use super::timeline::{self, Known, NOT_YET_KNOWN, RECORDS_LOST};
use crate::fleet::life::{DAY_S, Hours, Link, Office, Stretch, WIB_S};
use crate::fleet::pc;

const HALF_HOUR_S: i64 = 1_800;

/// One outage: first second, second after the last, cause, seconds down in office hours.
pub type Outage = (i64, i64, &'static str, u64);

/// What the report must say of an office.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    pub site: String,
    pub village: String,
    pub expected_s: u64,
    pub up_s: u64,
    pub down: BTreeMap<&'static str, u64>,
    pub holes: BTreeMap<&'static str, u64>,
    pub without_power_s: u64,
    pub days_expected: u64,
    pub days_observed: u64,
    pub days_needed: u64,
    pub outages: Vec<Outage>,
    pub echoes_sent: u64,
    pub echoes_lost: u64,
    pub rtt_samples: u64,
    pub rtt_median_us: Option<u32>,
    pub rounds: u64,
    pub interval: Option<(Share, Share)>,
    /// Rates of the tests in office hours that were steady, ascending.
    pub download: Vec<u64>,
    pub upload: Vec<u64>,
    pub tests_without_rate: u64,
    /// Availability, download, upload, round trip and loss.
    pub grades: [&'static str; 5],
    pub standing: &'static str,
    pub at_border: bool,
    pub limited_by_power: bool,
}

impl Judged {
    pub fn down_s(&self) -> u64 {
        self.down.values().sum()
    }

    pub fn seen_s(&self) -> u64 {
        self.up_s + self.down_s()
    }

    pub fn is_judged(&self) -> bool {
        matches!(self.standing, "reliable" | "limited" | "unreliable")
    }
}

/// Judges an office of a whole period, `is_quarter` or not.
pub fn judge(
    office: &Office,
    plan: &Plan,
    window: Stretch,
    is_quarter: bool,
    holidays: &BTreeSet<i64>,
) -> Judged {
    let width_s = i64::from(plan.slot_seconds.seconds());
    let measured_from_s = if office.pcs.is_empty() { window.from_s } else { office.joined_s };
    let measured = Stretch { from_s: measured_from_s, until_s: window.until_s };
    let known = timeline::seconds(office, width_s, window);
    let mut judged =
        Judged { site: office.site.clone(), village: office.village.clone(), ..Judged::default() };
    let mut days: BTreeMap<i64, Day> = BTreeMap::new();
    let mut open_half_hours = BTreeSet::new();
    let mut working_days_of_period = 0;
    let mut run = Run::default();
    for day in local_day(window.from_s)..local_day(window.until_s) {
        let minutes = open_minutes(hours_on(office, day), day, holidays);
        working_days_of_period += u64::from(minutes.contains(&true));
        let midnight_s = day * DAY_S - WIB_S;
        for second in midnight_s..midnight_s + DAY_S {
            if !measured.holds(second) {
                continue;
            }
            let state = known.get((second - window.from_s) as usize).copied();
            let state = state.unwrap_or(Known::Hole(NOT_YET_KNOWN));
            let is_open = minutes[((second - midnight_s) / 60) as usize];
            run.next(second, state, is_open, width_s, &mut judged.outages);
            if !is_open {
                continue;
            }
            open_half_hours.insert(second.div_euclid(HALF_HOUR_S));
            count(&mut judged, days.entry(day).or_default(), state, office, second);
        }
    }
    run.close(width_s, &mut judged.outages);
    let mut round_trips = Vec::new();
    for which in 0..office.pcs.len() {
        echoes(office, which, plan, &open_half_hours, &mut judged, &mut round_trips);
    }
    judged.download.sort_unstable();
    judged.upload.sort_unstable();
    judged.rtt_samples = round_trips.len() as u64;
    judged.rtt_median_us = median(round_trips);
    grade(&mut judged, office, &days, is_quarter, working_days_of_period, window);
    judged
}

fn hours_on(office: &Office, day: i64) -> Hours {
    match office.hours_later {
        Some((from_s, later)) if day * DAY_S - WIB_S >= from_s => later,
        _ => office.hours,
    }
}

/// Seconds of one day in office hours.
#[derive(Default)]
struct Day {
    expected_s: u64,
    up_s: u64,
    seen_s: u64,
}

fn count(judged: &mut Judged, day: &mut Day, state: Known, office: &Office, second: i64) {
    judged.expected_s += 1;
    day.expected_s += 1;
    match state {
        Known::Up => {
            judged.up_s += 1;
            day.up_s += 1;
            day.seen_s += 1;
        }
        Known::Down(cause) => {
            *judged.down.entry(cause.label()).or_default() += 1;
            day.seen_s += 1;
        }
        Known::Hole(why) => *judged.holes.entry(why).or_default() += 1,
    }
    let dark = office.night_supply_declared && !is_supplied(second);
    if state == Known::Hole("power_lost") || (dark && state != Known::Up) {
        judged.without_power_s += 1;
    }
}

/// A run of down seconds that explained holes do not end.
#[derive(Default)]
struct Run {
    down: Vec<(i64, Cause, bool)>,
}

impl Run {
    fn next(&mut self, second: i64, state: Known, is_open: bool, width_s: i64, outages: &mut Vec<Outage>) {
        match state {
            Known::Down(cause) => self.down.push((second, cause, is_open)),
            Known::Up | Known::Hole(NOT_YET_KNOWN | RECORDS_LOST) => self.close(width_s, outages),
            Known::Hole(_) => {}
        }
    }

    fn close(&mut self, width_s: i64, outages: &mut Vec<Outage>) {
        let down = std::mem::take(&mut self.down);
        let inside = down.iter().filter(|(_, _, is_open)| *is_open).count() as u64;
        if (down.len() as i64) < 2 * width_s || inside == 0 {
            return;
        }
        let of = |cause: Cause| down.iter().filter(|(_, seen, _)| *seen == cause).count();
        let mut most = Cause::NoNetwork;
        for cause in Cause::ALL {
            if of(cause) >= of(most) {
                most = cause;
            }
        }
        outages.push((down[0].0, down[down.len() - 1].0 + 1, most.label(), inside));
    }
}

/// Echoes of rounds in which the office was up, from what the agent sent.
fn echoes(
    office: &Office,
    which: usize,
    plan: &Plan,
    open: &BTreeSet<i64>,
    judged: &mut Judged,
    round_trips: &mut Vec<u32>,
) {
    let width_s = i64::from(plan.slot_seconds.seconds());
    let off_s = office.pcs[which].clock_off_s;
    for (push, _) in pc::pushes(office, which, plan) {
        for record in &push.records {
            let true_s = record.stamp.wall_ms.div_euclid(1_000) - off_s;
            if let Body::Bandwidth(test) = &record.body
                && open.contains(&true_s.div_euclid(HALF_HOUR_S))
            {
                match (test.end, test.direction, test.rate_bps) {
                    (TestEnd::Measured, Direction::Download, Some(rate)) => judged.download.push(rate),
                    (TestEnd::Measured, Direction::Upload, Some(rate)) => judged.upload.push(rate),
                    _ => judged.tests_without_rate += 1,
                }
            }
            let Body::Round(round) = &record.body else { continue };
            judged.rounds += 1;
            let slot_s = true_s.div_euclid(width_s) * width_s;
            if !round.verdict.is_up() || !open.contains(&slot_s.div_euclid(HALF_HOUR_S)) {
                continue;
            }
            for echo in &round.echoes {
                judged.echoes_sent += u64::from(echo.sent);
                judged.echoes_lost += u64::from(echo.sent) - echo.rtt_us.len() as u64;
                round_trips.extend(&echo.rtt_us);
            }
        }
    }
}

/// The nearest rank: of an even number the lower of both in the middle.
pub fn middle(ascending: &[u64]) -> Option<u64> {
    match ascending.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(ascending[odd / 2]),
        even => Some(ascending[even / 2 - 1]),
    }
}

/// Nearest-rank median, as coarse as a report keeps round trips: 32 steps to an octave, the middle of each.
fn median(mut round_trips: Vec<u32>) -> Option<u32> {
    round_trips.sort_unstable();
    let rank = round_trips.len().div_ceil(2).max(1);
    let exact = *round_trips.get(rank - 1)?;
    let mut width = 1;
    while exact / width >= 64 {
        width *= 2;
    }
    Some(exact / width * width + width / 2)
}

fn grade(
    judged: &mut Judged,
    office: &Office,
    days: &BTreeMap<i64, Day>,
    is_quarter: bool,
    working_days_of_period: u64,
    window: Stretch,
) {
    judged.days_expected = days.len() as u64;
    judged.days_observed = days.values().filter(|day| 2 * day.seen_s >= day.expected_s).count() as u64;
    judged.days_needed =
        if is_quarter { 20 } else { (working_days_of_period * 3_333).div_ceil(10_000).max(1) };
    let pairs: Vec<Share> =
        days.values().filter(|day| day.seen_s > 0).map(|day| (day.up_s, day.seen_s)).collect();
    judged.interval = sure::interval(&pairs, &judged.site, window.from_s, window.until_s);

    let (up_s, seen_s, expected_s) = (judged.up_s, judged.seen_s(), judged.expected_s);
    let rtt = match (judged.rtt_median_us, office.link) {
        (None, _) => "missing",
        (Some(0..=150_000), _) => "reliable",
        (Some(us), Link::GeoSatellite) if us <= 750_000 => "limited",
        (Some(us), _) if us <= 450_000 => "limited",
        _ => "unreliable",
    };
    let loss = match (judged.echoes_lost * 100, judged.echoes_sent) {
        (_, 0..300) => "missing",
        (lost, sent) if lost <= 2 * sent => "reliable",
        (lost, sent) if lost <= 5 * sent => "limited",
        _ => "unreliable",
    };
    let download = speed(middle(&judged.download), 10_000_000, 1_000_000);
    let upload = speed(middle(&judged.upload), 2_000_000, 250_000);
    judged.grades = [availability((up_s, seen_s)), download, upload, rtt, loss];
    let standing = |share: Share| standing([availability(share), download, upload, rtt, loss]);
    let enough = expected_s > 0
        && 2 * seen_s >= expected_s
        && judged.days_observed >= judged.days_needed
        && seen_s > 0;
    judged.standing = match (office.pcs.is_empty(), enough) {
        (true, _) => "not_monitored",
        (false, false) => "not_enough_data",
        (false, true) => standing((up_s, seen_s)),
    };
    let ends = judged.interval.map(|(low, high)| [low, high]).into_iter().flatten();
    judged.at_border = judged.is_judged() && ends.into_iter().any(|end| standing(end) != judged.standing);
    judged.limited_by_power =
        !office.pcs.is_empty() && expected_s > 0 && judged.without_power_s * 10 >= expected_s * 2;
}

fn availability((up_s, seen_s): Share) -> &'static str {
    match seen_s {
        0 => "missing",
        _ if up_s * 100 < seen_s * 95 => "unreliable",
        _ if up_s * 100 >= seen_s * 99 => "reliable",
        _ => "limited",
    }
}

fn speed(bits: Option<u64>, reliable: u64, unreliable: u64) -> &'static str {
    match bits {
        None => "missing",
        Some(bits) if bits < unreliable => "unreliable",
        Some(bits) if bits < reliable => "limited",
        Some(_) => "reliable",
    }
}

/// The words of the method's page on grades, one after the other.
fn standing([availability, download, upload, rtt, loss]: [&str; 5]) -> &'static str {
    let bad_others = [upload, rtt, loss].iter().filter(|grade| **grade == "unreliable").count();
    if availability == "unreliable" || download == "unreliable" || bad_others >= 2 {
        return "unreliable";
    }
    match (availability, download, bad_others) {
        ("reliable", "reliable", 0) => "reliable",
        _ => "limited",
    }
}
