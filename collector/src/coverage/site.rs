//! One office: from its agents' days to its coverage.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::Cause;

use super::course::{self, Stretch};
use super::grades::{Grade, Indicators, Measured, Standing};
use super::interval::{self, Bounds};
use super::outages::{self, Outage, seconds_within};
use super::ratio::Ratio;
use super::rules::Rules;
use super::throughput::Throughput;
use super::timeline::{Segment, merge};
use crate::calendar::{Holidays, Span, TimeZone, intersect, push_joined};
use crate::day::{BLOCK_SECONDS, DAY_S, Day, DaySummary, Reason, RttHistogram, RttSum, State};
use crate::registry::Site;

/// A loss ratio of fewer echoes says nothing: one lost of a hundred is already half of what is tolerated.
pub const LOSS_SAMPLES_MIN: u64 = 300;

/// What is reported about: a window that the caller has cut at now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub window: Span,
    pub kind: PeriodKind,
}

/// Decides how many working days are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    Quarter,
    Other,
}

/// What one agent of the site left behind; UTC days without records are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentDays {
    pub days: BTreeMap<Day, DaySummary>,
}

/// A site as it was until a moment, seconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    pub until_s: i64,
    pub site: Site,
}

/// Everything that is known about one office in the period.
#[derive(Debug, Clone, Copy)]
pub struct SiteInput<'a> {
    /// As it is at the end of the period: where it lies and how it is linked counts for all of it.
    pub site: &'a Site,
    /// Its hours before: each stretch of the period is expected by the hours of its own time.
    pub earlier: &'a [Earlier],
    /// Empty: no agent was ever there, the office is not monitored.
    pub agents: &'a [AgentDays],
    /// The part of the period in which the office was measured at all: from its first day on.
    pub measured: Span,
    /// None: what the agents' bandwidth tests come to.
    pub throughput: Option<Throughput>,
}

/// An office's coverage in a period. Seconds are within office hours unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCoverage {
    pub site: Site,
    /// Other versions of it that counted in the period, until when each did.
    pub earlier: Vec<Earlier>,
    /// The part of the period that was judged.
    pub measured: Span,
    pub expected_s: u64,
    pub up_s: u64,
    pub down_s: u64,
    pub down_by_cause: BTreeMap<Cause, u64>,
    pub unobserved_by_reason: BTreeMap<Reason, u64>,
    /// Power lost, or declared to be without supply, and not up.
    pub without_power_s: u64,

    /// up / (up + down)
    pub availability: Option<Ratio>,
    /// (up + down) / expected
    pub observed: Option<Ratio>,
    /// up / expected
    pub worst_case: Option<Ratio>,
    /// 95 % interval of the availability; from 14 observed days on.
    pub interval: Option<Bounds>,

    /// Working days with any expected second, in the measured part.
    pub days_expected: u32,
    /// Those of which enough was observed (`observed_enough`).
    pub days_observed: u32,
    /// Observed days that the period asks for.
    pub days_needed: u32,

    /// The measured part in days or months, ascending; see [`Stretch`].
    pub course: Vec<Stretch>,

    /// Ascending by start.
    pub outages: Vec<Outage>,
    /// Mean length of the outages, whole seconds: the mean time to repair (MTTR) of the field.
    pub mean_outage_s: Option<u64>,
    /// Time up for each outage, whole seconds: the mean time between failures (MTBF). None without an outage.
    pub mtbf_s: Option<u64>,
    pub longest_outage_s: Option<u64>,

    pub rtt_median_us: Option<u32>,
    pub rtt_p95_us: Option<u32>,
    pub rtt_samples: u64,
    /// Echoes in the half hours that touch office hours.
    pub echoes_sent: u64,
    pub echoes_lost: u64,
    /// Lost / sent, from 300 echoes on.
    pub loss: Option<Ratio>,
    pub throughput: Throughput,

    pub indicators: Indicators,
    pub standing: Standing,
    /// The interval crosses the edge that decides: another sample of days might have another standing.
    pub at_border: bool,
    pub limited_by_power: bool,

    /// Records by the quality of their time, over the measured part, whole days.
    pub records_synced: u64,
    pub records_estimated: u64,
    pub records_bounded: u64,
}

impl SiteInput<'_> {
    /// What each version of the site says of its own part of a window, put together.
    fn over_time(&self, window: Span, of: impl Fn(&Site, Span) -> Vec<Span>) -> Vec<Span> {
        let mut from_s = i64::MIN;
        let mut spans: Vec<Span> = Vec::new();
        let last = (i64::MAX, self.site);
        for (until_s, site) in self.earlier.iter().map(|e| (e.until_s, &e.site)).chain([last]) {
            for span in window.and(Span::new(from_s, until_s)).map(|part| of(site, part)).unwrap_or_default()
            {
                push_joined(&mut spans, span);
            }
            from_s = until_s;
        }
        spans
    }
}

impl SiteCoverage {
    pub fn observed_s(&self) -> u64 {
        self.up_s + self.down_s
    }

    /// How the office would stand by other thresholds, its data being as many as they are.
    pub fn standing_by(&self, rules: &Rules) -> Standing {
        let found = Measured {
            availability: self.availability,
            throughput: self.throughput,
            rtt_us: self.rtt_median_us,
            loss: self.loss,
            link: self.site.link,
        };
        if self.standing.is_judged() { found.graded(rules).standing() } else { self.standing }
    }

    pub fn unobserved_s(&self) -> u64 {
        self.expected_s - self.observed_s()
    }
}

/// Judges one office.
pub fn judge_site(input: SiteInput<'_>, period: Period, rules: &Rules, holidays: &Holidays) -> SiteCoverage {
    let SiteInput { site, agents, .. } = input;
    let measured = input.measured.and(period.window).unwrap_or(Span::new(0, 0));
    let hours_in = |window| {
        input.over_time(window, |site, span| site.hours.within(span, site.time_zone, holidays, &site.village))
    };
    let expected = hours_in(measured);
    let throughput = input.throughput.unwrap_or_else(|| Throughput::of(agents, &expected));
    let segments = merge(agents, measured);
    let tally = Tally::over(&segments, &expected, site.time_zone);
    let expected_s = expected.iter().map(|span| span.seconds()).sum();
    let samples = Samples::over(agents, measured, &expected);
    let slots = slot_seconds(agents);
    let slot_at = |s: i64| slots.get(&s.div_euclid(DAY_S)).copied().unwrap_or(0);
    let outages = outages::find(&segments, &expected, slot_at);

    let seen_s = tally.up_s + tally.down_s;
    let availability = Ratio::of(tally.up_s, seen_s);
    let observed = Ratio::of(seen_s, expected_s);
    let loss = Ratio::of(samples.lost, samples.sent).filter(|loss| loss.whole >= LOSS_SAMPLES_MIN);
    let rtt_median_us = samples.rtt.quantile_us(500);
    let found = Measured { availability, throughput, rtt_us: rtt_median_us, loss, link: site.link };
    let indicators_at = |availability| Measured { availability, ..found }.graded(rules);
    let indicators = indicators_at(availability);

    let days_expected = working_days(&expected, site.time_zone).len();
    let days_observed = tally
        .days
        .values()
        .filter(|day| {
            Ratio::of(day.seen_s, day.expected_s).is_some_and(|r| r.at_least(rules.observed_enough))
        })
        .count();
    let days_needed = match period.kind {
        PeriodKind::Quarter => rules.days_enough_quarter,
        PeriodKind::Other => {
            let days = working_days(&hours_in(period.window), site.time_zone).len() as u64;
            share_of_days(rules.days_enough_share, days)
        }
    };
    let enough = observed.is_some_and(|ratio| ratio.at_least(rules.observed_enough))
        && u32_of(days_observed) >= days_needed
        && indicators.availability != Grade::Missing;
    let standing = match (agents.is_empty(), enough) {
        (true, _) => Standing::NotMonitored,
        (false, false) => Standing::NotEnoughData,
        (false, true) => indicators.standing(),
    };
    let day_pairs: Vec<(u64, u64)> =
        tally.days.values().filter(|day| day.seen_s > 0).map(|day| (day.up_s, day.seen_s)).collect();
    let seed = interval::seed(site.code.as_str(), period.window.start_s, period.window.end_s);
    let interval = interval::resample(&day_pairs, seed);
    let at_border = standing.is_judged()
        && interval.is_some_and(|bounds| {
            [bounds.low, bounds.high].iter().any(|end| indicators_at(Some(*end)).standing() != standing)
        });
    let course = course::of_days(&tally.days, period.window);
    let without_power_s = without_power(&segments, &expected, &input, measured);
    let down_lengths = || outages.iter().map(|outage| outage.seconds_down);

    SiteCoverage {
        site: site.clone(),
        earlier: input.earlier.to_vec(),
        measured,
        expected_s,
        up_s: tally.up_s,
        down_s: tally.down_s,
        down_by_cause: tally.down_by_cause,
        unobserved_by_reason: tally.unobserved_by_reason,
        without_power_s,
        availability,
        observed,
        worst_case: Ratio::of(tally.up_s, expected_s),
        interval,
        days_expected: u32_of(days_expected),
        days_observed: u32_of(days_observed),
        days_needed,
        course,
        mean_outage_s: down_lengths().sum::<u64>().checked_div(outages.len() as u64),
        mtbf_s: tally.up_s.checked_div(outages.len() as u64),
        longest_outage_s: down_lengths().max(),
        outages,
        rtt_median_us,
        rtt_p95_us: samples.rtt.quantile_us(950).filter(|_| samples.rtt.count() >= 20),
        rtt_samples: samples.rtt.count(),
        echoes_sent: samples.sent,
        echoes_lost: samples.lost,
        loss,
        throughput,
        indicators,
        standing,
        at_border,
        limited_by_power: standing != Standing::NotMonitored
            && Ratio::of(without_power_s, expected_s).is_some_and(|r| r.at_least(rules.power_limited_share)),
        records_synced: samples.synced,
        records_estimated: samples.estimated,
        records_bounded: samples.bounded,
    }
}

fn u32_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Rounded up, and at least one: no window is short enough to be judged without a day.
fn share_of_days(share: f64, days: u64) -> u32 {
    let needed = (u128::from(days) * u128::from(super::ratio::millionths(share))).div_ceil(1_000_000);
    u32::try_from(needed).unwrap_or(u32::MAX).max(1)
}

fn working_days(expected: &[Span], zone: TimeZone) -> BTreeSet<i64> {
    expected.iter().flat_map(|span| zone.day_at(span.start_s)..=zone.day_at(span.end_s - 1)).collect()
}

/// Seconds of one local day within office hours.
#[derive(Debug, Default)]
pub(super) struct DayTally {
    pub(super) expected_s: u64,
    pub(super) up_s: u64,
    pub(super) seen_s: u64,
}

#[derive(Debug, Default)]
struct Tally {
    up_s: u64,
    down_s: u64,
    down_by_cause: BTreeMap<Cause, u64>,
    unobserved_by_reason: BTreeMap<Reason, u64>,
    days: BTreeMap<i64, DayTally>,
}

impl Tally {
    fn over(segments: &[Segment], expected: &[Span], zone: TimeZone) -> Self {
        let mut tally = Self::default();
        let mut next = 0;
        for segment in segments {
            while expected.get(next).is_some_and(|open| open.end_s <= segment.span.start_s) {
                next += 1;
            }
            for open in expected[next..].iter().take_while(|open| open.start_s < segment.span.end_s) {
                if let Some(inside) = open.and(segment.span) {
                    tally.add(inside, segment.state, zone);
                }
            }
        }
        tally
    }

    fn add(&mut self, span: Span, state: State, zone: TimeZone) {
        let seconds = span.seconds();
        match state {
            State::Up => self.up_s += seconds,
            State::Down(cause) => {
                self.down_s += seconds;
                *self.down_by_cause.entry(cause).or_default() += seconds;
            }
            State::Unobserved(reason) => *self.unobserved_by_reason.entry(reason).or_default() += seconds,
        }
        for day in zone.day_at(span.start_s)..=zone.day_at(span.end_s - 1) {
            let whole = Span::new(zone.day_start_s(day), zone.day_start_s(day + 1));
            let here = whole.and(span).map_or(0, Span::seconds);
            let of_day = self.days.entry(day).or_default();
            of_day.expected_s += here;
            match state {
                State::Up => {
                    of_day.up_s += here;
                    of_day.seen_s += here;
                }
                State::Down(_) => of_day.seen_s += here,
                State::Unobserved(_) => {}
            }
        }
    }
}

/// The widest slot of any agent by UTC day.
fn slot_seconds(agents: &[AgentDays]) -> BTreeMap<i64, u32> {
    let mut widest: BTreeMap<i64, u32> = BTreeMap::new();
    for (day, summary) in agents.iter().flat_map(|agent| &agent.days) {
        let slot = widest.entry(i64::from(*day)).or_default();
        *slot = (*slot).max(summary.slot_seconds);
    }
    widest
}

/// Expected seconds that power took: it was lost, or the declared supply was off and the office not up.
fn without_power(segments: &[Segment], expected: &[Span], input: &SiteInput<'_>, measured: Span) -> u64 {
    let declared = |site: &Site| site.power_hours.is_some();
    let any = declared(input.site) || input.earlier.iter().any(|earlier| declared(&earlier.site));
    let supplied = any.then(|| {
        input.over_time(measured, |site, span| match &site.power_hours {
            Some(hours) => hours.within(span, site.time_zone, &Holidays::default(), ""),
            None => vec![span],
        })
    });
    let supplied_and_expected = supplied.map(|supplied| intersect(&supplied, expected));
    segments
        .iter()
        .map(|segment| {
            let all = seconds_within(segment.span, expected);
            match (segment.state, &supplied_and_expected) {
                (State::Up, _) => 0,
                (State::Unobserved(Reason::PowerLost), _) => all,
                (_, Some(supplied)) => all - seconds_within(segment.span, supplied),
                (_, None) => 0,
            }
        })
        .sum()
}

/// Statistics of the half hours that touch office hours.
#[derive(Debug, Default)]
struct Samples {
    sent: u64,
    lost: u64,
    rtt: RttHistogram,
    synced: u64,
    estimated: u64,
    bounded: u64,
}

impl Samples {
    fn over(agents: &[AgentDays], measured: Span, expected: &[Span]) -> Self {
        let mut samples = Self::default();
        let mut rtt = RttSum::default();
        for (day, summary) in agents.iter().flat_map(|agent| &agent.days) {
            let midnight_s = i64::from(*day) * DAY_S;
            if Span::new(midnight_s, midnight_s + DAY_S).and(measured).is_none() {
                continue;
            }
            samples.synced += u64::from(summary.synced);
            samples.estimated += u64::from(summary.estimated);
            samples.bounded += u64::from(summary.bounded);
            for block in summary.blocks.iter() {
                let start_s = midnight_s + i64::from(block.block) * i64::from(BLOCK_SECONDS);
                let half_hour = Span::new(start_s, start_s + i64::from(BLOCK_SECONDS));
                if seconds_within(half_hour, expected) > 0 {
                    samples.sent += u64::from(block.sent);
                    samples.lost += u64::from(block.lost);
                    rtt.add(block.rtt);
                }
            }
        }
        samples.rtt = rtt.histogram();
        samples
    }
}
