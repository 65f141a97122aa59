//! Day summaries -> one sample an hour, at the hour's end: an hour is told when it is over.

use crate::calendar::{Holidays, Span, intersect};
use crate::coverage::{AgentDays, Segment, merge};
use crate::day::{BLOCK_SECONDS, DAY_S, Day, HalfHour, RttSum, State};
use crate::registry::Site;

use super::measure::Measure;

pub const HOUR_S: i64 = 3_600;

/// A site's hours that are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Hours<'a> {
    pub site: &'a Site,
    pub agents: &'a [AgentDays],
    /// Whole hours.
    pub span: Span,
    /// From when on the site was measured at all; seconds before are nobody's.
    pub measured_from_s: i64,
    pub holidays: &'a Holidays,
}

/// From when on a site counts as measured: the day the registry says, or the moment its first agent joined.
pub fn measured_from_s(site: &Site, first_joined_ms: i64) -> i64 {
    match site.measured_from {
        Some(date) => site.time_zone.day_start_s(crate::calendar::day_of_date(date)),
        None => first_joined_ms.div_euclid(1000),
    }
}

/// (value of the found label, time in milliseconds, value), ascending by time.
pub fn samples(measure: Measure, hours: Hours<'_>) -> Vec<(&'static str, i64, f64)> {
    let mut samples = Vec::new();
    let segments = merge(hours.agents, hours.span);
    let open = match measure {
        Measure::HourlyOffice => {
            let site = hours.site;
            site.hours.within(hours.span, site.time_zone, hours.holidays, &site.village)
        }
        _ => Vec::new(),
    };
    let (mut next_segment, mut next_open) = (0, 0);
    let mut start_s = hours.span.start_s;
    while start_s < hours.span.end_s {
        let hour = Span::new(start_s, start_s + HOUR_S);
        start_s = hour.end_s;
        let end_ms = hour.end_s * 1000;
        let here = within(&segments, |segment| segment.span, hour, &mut next_segment);
        let open_here = within(&open, |span| *span, hour, &mut next_open);
        let Some(hour) = hour.and(Span::new(hours.measured_from_s, i64::MAX)) else { continue };
        let mut one = |found, value| samples.push((found, end_ms, value));
        match measure {
            Measure::HourlyAvailability => {
                let tally = Tally::over(here, &[hour]);
                let seen_s = tally.up_s + tally.down_s;
                if seen_s > 0 {
                    one("", tally.up_s as f64 / seen_s as f64);
                }
            }
            Measure::HourlyObserved => {
                let tally = Tally::over(here, &[hour]);
                one("", (tally.up_s + tally.down_s) as f64 / hour.seconds() as f64);
            }
            Measure::HourlyOffice => {
                let expected = intersect(open_here, &[hour]);
                let expected_s: u64 = expected.iter().map(|span| span.seconds()).sum();
                if expected_s > 0 {
                    let tally = Tally::over(here, &expected);
                    one("up", tally.up_s as f64);
                    one("down", tally.down_s as f64);
                    one("unobserved", (expected_s - tally.up_s - tally.down_s) as f64);
                }
            }
            Measure::HourlyLoss => {
                let (sent, lost) = blocks(hours.agents, end_ms / 1000 - HOUR_S)
                    .fold((0u64, 0u64), |(sent, lost), block| {
                        (sent + u64::from(block.sent), lost + u64::from(block.lost))
                    });
                if sent > 0 {
                    one("", lost as f64 / sent as f64);
                }
            }
            Measure::HourlyRtt => {
                let mut rtt = RttSum::default();
                blocks(hours.agents, end_ms / 1000 - HOUR_S).for_each(|block| rtt.add(block.rtt));
                if let Some(median_us) = rtt.histogram().quantile_us(500) {
                    one("", f64::from(median_us) / 1e6);
                }
            }
            _ => {}
        }
    }
    samples
}

/// Those of an ascending list that touch an hour; `next` moves on with the hours.
fn within<'a, T>(all: &'a [T], span: impl Fn(&T) -> Span, hour: Span, next: &mut usize) -> &'a [T] {
    while all.get(*next).is_some_and(|one| span(one).end_s <= hour.start_s) {
        *next += 1;
    }
    let touching = all[*next..].iter().take_while(|one| span(one).start_s < hour.end_s).count();
    &all[*next..*next + touching]
}

#[derive(Debug, Default)]
struct Tally {
    up_s: u64,
    down_s: u64,
}

impl Tally {
    fn over(segments: &[Segment], expected: &[Span]) -> Self {
        let mut tally = Self::default();
        for segment in segments {
            let seconds: u64 =
                expected.iter().filter_map(|span| span.and(segment.span)).map(Span::seconds).sum();
            match segment.state {
                State::Up => tally.up_s += seconds,
                State::Down(_) => tally.down_s += seconds,
                State::Unobserved(_) => {}
            }
        }
        tally
    }
}

/// The half hours of an hour, of all agents.
fn blocks(agents: &[AgentDays], start_s: i64) -> impl Iterator<Item = HalfHour<'_>> {
    let day = Day::try_from(start_s.div_euclid(DAY_S)).unwrap_or(Day::MAX);
    let first = start_s.rem_euclid(DAY_S) / i64::from(BLOCK_SECONDS);
    let of_day = agents.iter().filter_map(move |agent| agent.days.get(&day));
    of_day
        .flat_map(|summary| summary.blocks.iter())
        .filter(move |block| (first..first + 2).contains(&i64::from(block.block)))
}
