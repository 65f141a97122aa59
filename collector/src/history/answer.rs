//! From a question to its series, one agent's day after the other, so that memory holds one unit of an
//! answer and never the records of a range.

use std::collections::BTreeMap;

use suar_wire::AgentId;

use super::hourly::{self, HOUR_S, Hours};
use super::limits::{Limits, Over};
use super::matchers::Matchers;
use super::measure::{Grain, Measure};
use super::plan::{Member, Question, Registry, Unit, Window, plan};
use super::series::{Form, Labels, Samples, Series};
use super::{device, slots};
use crate::calendar::{Holidays, Span};
use crate::coverage::AgentDays;
use crate::day::{DAY_S, Day, DaySummary};
use crate::store::StoredRecord;
use crate::wall_clock::MS_A_DAY;

/// Days whose summaries are held at once.
const SUMMARY_DAYS: i32 = 31;

/// Where records and summaries come from.
pub trait Source {
    type Error;

    /// An agent's records in `from_ms..to_ms`, by time.
    fn records(&self, agent: AgentId, from_ms: i64, to_ms: i64) -> Result<Vec<StoredRecord>, Self::Error>;

    /// An agent's days, both ends included.
    fn summaries(&self, agent: AgentId, from: Day, to: Day) -> Result<Vec<(Day, DaySummary)>, Self::Error>;
}

/// Why an answer was not finished.
#[derive(Debug)]
pub enum Stop<E> {
    Over(Over),
    Source(E),
    /// Whoever asked does not listen any more.
    Gone,
}

impl<E> From<Over> for Stop<E> {
    fn from(over: Over) -> Self {
        Self::Over(over)
    }
}

/// What is the same for all questions of a request.
#[derive(Debug)]
pub struct Request<'a, S> {
    pub source: &'a S,
    pub registry: &'a Registry,
    pub holidays: &'a Holidays,
    pub limits: &'a Limits,
    pub form: Form,
    pub now_ms: i64,
}

/// Asked after each agent's day whether to go on.
type Check<'a, E> = &'a dyn Fn(&Gather<'_>) -> Result<(), Stop<E>>;

/// Counts what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    pub series: usize,
    pub samples: u64,
}

impl<S: Source> Request<'_, S> {
    /// Hands over every series of a question in order. `still` is asked after each agent's day whether
    /// to go on; `sent` goes on counting over the questions of a request.
    pub fn answer(
        &self,
        question: &Question,
        sent: &mut Sent,
        still: impl Fn() -> Result<(), Stop<S::Error>>,
        mut take: impl FnMut(Labels, Samples) -> Result<(), Stop<S::Error>>,
    ) -> Result<(), Stop<S::Error>> {
        for unit in plan(self.registry, question, self.limits, self.now_ms)? {
            let mut gather = Gather {
                form: self.form,
                measure: unit.measure,
                matchers: &question.matchers,
                series: BTreeMap::new(),
                samples: 0,
            };
            self.read(&unit, question, &mut gather, &|gather: &Gather<'_>| {
                still()?;
                Ok(self.within_bounds(sent, gather)?)
            })?;
            self.within_bounds(sent, &gather)?;
            for (labels, series) in gather.series {
                sent.series += 1;
                sent.samples += series.count();
                take(labels, series.samples)?;
            }
        }
        Ok(())
    }

    fn within_bounds(&self, sent: &Sent, gather: &Gather<'_>) -> Result<(), Over> {
        let max = match self.form {
            Form::Plain => self.limits.plain_samples.min(self.limits.samples),
            Form::Chunks => self.limits.samples,
        };
        if sent.samples + gather.samples > max {
            return Err(Over::Samples { max });
        }
        if sent.series + gather.series.len() > self.limits.series {
            return Err(Over::Series { max: self.limits.series });
        }
        Ok(())
    }

    fn read(
        &self,
        unit: &Unit,
        question: &Question,
        gather: &mut Gather<'_>,
        check: Check<'_, S::Error>,
    ) -> Result<(), Stop<S::Error>> {
        for member in &unit.members {
            let mut found = BTreeMap::new();
            let mut newest_ms = i64::MIN;
            for window in &member.windows {
                match unit.measure.grain() {
                    Grain::Slots | Grain::Device => {
                        let newest = self.read_days(member, window, gather, &mut found, check)?;
                        newest_ms = newest_ms.max(newest);
                    }
                    Grain::Hours => self.read_hours(member, window, question, gather, &mut found, check)?,
                }
            }
            // What is known to be over ends where its last slot ended; what is newest stays open.
            let known_until_ms = newest_ms.min(question.to_ms.saturating_add(1));
            for labels in found.values().flatten() {
                gather.end_before(labels, known_until_ms);
            }
        }
        Ok(())
    }

    /// Records of every agent by UTC days; says where the newest slot ended.
    fn read_days(
        &self,
        member: &Member,
        window: &Window,
        gather: &mut Gather<'_>,
        found: &mut Found,
        check: Check<'_, S::Error>,
    ) -> Result<i64, Stop<S::Error>> {
        let measure = gather.measure;
        let mut newest_ms = i64::MIN;
        let wanted = |at_ms: i64| (window.from_ms..window.to_ms).contains(&at_ms);
        for day in self.days(member, window) {
            let midnight_ms = i64::from(day) * MS_A_DAY;
            let mut seen = Vec::new();
            for watcher in &member.agents {
                if watcher.joined_ms >= midnight_ms + MS_A_DAY {
                    continue;
                }
                let records = self
                    .source
                    .records(watcher.agent, midnight_ms, midnight_ms + MS_A_DAY)
                    .map_err(Stop::Source)?;
                if measure.grain() == Grain::Slots {
                    seen.push(slots::Seen::of(measure, &records));
                } else {
                    for (label, at_ms, value) in device::samples(measure, &records) {
                        if wanted(at_ms) {
                            gather.add(member, found, &label, |series| series.point(at_ms, value));
                        }
                    }
                }
                check(gather)?;
            }
            newest_ms =
                newest_ms.max(seen.iter().filter_map(slots::Seen::newest_ms).max().unwrap_or(i64::MIN));
            if seen.is_empty() {
                continue;
            }
            for sample in slots::samples(measure, day, seen) {
                if wanted(sample.at_ms) {
                    gather.add(member, found, &sample.found, |series| {
                        series.slot(sample.at_ms, sample.until_ms, sample.value);
                    });
                }
            }
            check(gather)?;
        }
        Ok(newest_ms)
    }

    /// The days of a window in which anything can have been measured.
    fn days(&self, member: &Member, window: &Window) -> impl Iterator<Item = Day> {
        let joined_ms = member.agents.iter().map(|watcher| watcher.joined_ms).min().unwrap_or(i64::MAX);
        // A record is never from the future; a day more costs nothing.
        let (from_ms, to_ms) =
            (window.from_ms.max(joined_ms), window.to_ms.min(self.now_ms.saturating_add(MS_A_DAY)));
        let days = from_ms.div_euclid(MS_A_DAY)..=to_ms.saturating_sub(1).div_euclid(MS_A_DAY);
        days.filter_map(|day| Day::try_from(day).ok())
    }

    fn read_hours(
        &self,
        member: &Member,
        window: &Window,
        question: &Question,
        gather: &mut Gather<'_>,
        found: &mut Found,
        check: Check<'_, S::Error>,
    ) -> Result<(), Stop<S::Error>> {
        let Some(joined_ms) = member.agents.iter().map(|watcher| watcher.joined_ms).min() else {
            return Ok(());
        };
        let measured_from_s = hourly::measured_from_s(&window.site, joined_ms);
        let asked = self.hours(window, question, joined_ms.min(measured_from_s.saturating_mul(1000)));
        let mut start_s = asked.start_s;
        while start_s < asked.end_s {
            // Whole days together, so that no day's summary is read twice.
            let until_s = (start_s.div_euclid(DAY_S) + i64::from(SUMMARY_DAYS)) * DAY_S;
            let span = Span::new(start_s, until_s.min(asked.end_s));
            start_s = span.end_s;
            let day = |s: i64| Day::try_from(s.div_euclid(DAY_S)).unwrap_or(Day::MAX);
            let (from, to) = (day(span.start_s), day(span.end_s - 1));
            let mut agents = Vec::new();
            for watcher in &member.agents {
                let days = self.source.summaries(watcher.agent, from, to).map_err(Stop::Source)?;
                agents.push(AgentDays { days: days.into_iter().collect() });
                check(gather)?;
            }
            let hours =
                Hours { site: &window.site, agents: &agents, span, measured_from_s, holidays: self.holidays };
            for (label, at_ms, value) in hourly::samples(gather.measure, hours) {
                gather.add(member, found, label, |series| series.point(at_ms, value));
            }
            check(gather)?;
        }
        Ok(())
    }

    /// Whole hours that end in the range and are over, and that begin in the window. A question that
    /// begins within an hour still gets the sample at its end.
    fn hours(&self, window: &Window, question: &Question, known_from_ms: i64) -> Span {
        let hour_ms = HOUR_S * 1000;
        let begins_ms = if window.from_ms > question.from_ms { window.from_ms } else { i64::MIN };
        let first_end = question.from_ms.max(known_from_ms).div_euclid(hour_ms)
            + i64::from(question.from_ms.max(known_from_ms).rem_euclid(hour_ms) > 0);
        let first =
            (first_end - 1).max(begins_ms.div_euclid(hour_ms) + i64::from(begins_ms.rem_euclid(hour_ms) > 0));
        let last_end = question.to_ms.min(self.now_ms).div_euclid(hour_ms);
        // The window's end is either the question's own or the moment the site changed.
        let last = if window.to_ms > question.to_ms {
            last_end
        } else {
            last_end.min(window.to_ms.div_euclid(hour_ms) + i64::from(window.to_ms.rem_euclid(hour_ms) > 0))
        };
        Span::new(first * HOUR_S, last.max(first) * HOUR_S)
    }
}

/// Labels of the series of one member by what was found; `None` where the question does not want them.
type Found = BTreeMap<String, Option<Labels>>;

/// The series of one unit while they are made.
struct Gather<'a> {
    form: Form,
    measure: Measure,
    matchers: &'a Matchers,
    series: BTreeMap<Labels, Series>,
    samples: u64,
}

impl Gather<'_> {
    fn add(&mut self, member: &Member, known: &mut Found, found: &str, add: impl FnOnce(&mut Series)) {
        if !known.contains_key(found) {
            let labels = self.labels(member, found);
            known.insert(found.to_owned(), labels);
        }
        if let Some(Some(labels)) = known.get(found) {
            self.change(labels, add);
        }
    }

    fn labels(&self, member: &Member, found: &str) -> Option<Labels> {
        let mut labels = member.labels.clone();
        if let Some(label) = self.measure.found_label() {
            if !self.matchers.accept(label, found) {
                return None;
            }
            let at = labels.partition_point(|(before, _)| *before < label);
            labels.insert(at, (label, found.to_owned()));
        }
        Some(labels)
    }

    fn change(&mut self, labels: &Labels, change: impl FnOnce(&mut Series)) {
        if !self.series.contains_key(labels) {
            self.series.insert(labels.clone(), Series::new(self.form));
        }
        if let Some(series) = self.series.get_mut(labels) {
            let before = series.count();
            change(series);
            self.samples += series.count() - before;
        }
    }

    fn end_before(&mut self, labels: &Labels, at_ms: i64) {
        self.change(labels, |series| series.end_before(at_ms));
    }
}
