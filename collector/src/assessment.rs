//! From the store to coverage: collects what is known of the offices of a scope and has it judged.
//!
//! The thin edge. The store answers [`Source`]; everything that is decided is decided in `coverage`.
//! Reports, `/metrics` and `/api` all come through here, so that they cannot disagree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use suar_wire::{AgentId, Month, SiteCode};

use crate::calendar::{Holiday, Holidays, PeriodError, PeriodName, Span, TimeZone, date_of_day, day_of_date};
use crate::coverage::{
    AgentDays, Counts, Earlier, InForce, InputChecksum, IslandCoverage, MonthData, OutsideIsland, Period,
    PeriodKind, Rules, SiteChecksum, SiteCoverage, SiteInput, Weighted, judge_islands, judge_site, weighted,
};
use crate::day::{Day, DaySummary};
use crate::region::{Place, Region};
use crate::registry::Site;

/// One agent of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentAt {
    pub agent: AgentId,
    pub joined_s: i64,
}

/// A site of the registry at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub site: Site,
    /// Whether it had been made by then.
    pub existed: bool,
    /// What it was before, ascending.
    pub earlier: Vec<Earlier>,
}

/// What an assessment asks the store for.
pub trait Source {
    type Error: std::error::Error + Send + Sync + 'static;

    /// Every site as it was at a moment, and those made later as they were at first; ascending by code.
    fn sites_at(&self, at_s: i64) -> Result<Vec<Known>, Self::Error>;

    /// The rules and special days that were in force at a moment; `None` where they were never dated.
    fn rules_at(&self, _at_s: i64) -> Result<Option<InForce>, Self::Error> {
        Ok(None)
    }

    /// Every agent that ever joined, revoked ones too, by site.
    fn agents(&self) -> Result<BTreeMap<SiteCode, Vec<AgentAt>>, Self::Error>;

    /// An agent's UTC days from `first` to `last`, with what sessions explain laid over.
    fn days(&self, agent: AgentId, first: Day, last: Day) -> Result<BTreeMap<Day, DaySummary>, Self::Error>;

    /// What the agents of each site used of data, month by month.
    fn data_use(
        &self,
        _first: Month,
        _last: Month,
    ) -> Result<BTreeMap<SiteCode, Vec<MonthData>>, Self::Error> {
        Ok(BTreeMap::new())
    }
}

/// Everything a report, the metrics or the API say about a scope in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    pub name: PeriodName,
    /// Cut at now.
    pub period: Period,
    pub scope: Scope,
    /// Ascending by code.
    pub sites: Vec<SiteCoverage>,
    /// Worst first.
    pub islands: Vec<IslandCoverage>,
    /// Populated islands of the scope without a registered office.
    pub outside: Vec<OutsideIsland>,
    /// Those with an office, ascending by code.
    pub regencies: Vec<AreaCoverage>,
    pub districts: Vec<AreaCoverage>,
    /// Who counted the people of the regencies and when, in Indonesian and English.
    pub population_source: [String; 2],
    pub rules: Rules,
    /// Those of the period that mean one of the offices, ascending.
    pub special_days: Vec<Holiday>,
    /// Years of the period of which no national holiday is known: their office hours are too many.
    pub years_without_holidays: Vec<i16>,
    /// From when on these rules count, where others did before.
    pub rules_since_s: Option<i64>,
    /// What monitoring itself used in the calendar months of the period, whole months; offices that told nothing are
    /// left out.
    pub data: BTreeMap<SiteCode, Vec<MonthData>>,
    /// SHA-256 of what went in, hexadecimal.
    pub input_sha256: String,
}

impl Assessment {
    /// Standings weighted by the people of the regencies; `None` where that would say nothing more, because
    /// there is only one.
    pub fn weighted(&self) -> Option<Weighted> {
        let known = self.regencies.iter().filter_map(|area| Some((area.population?, area.counts)));
        (self.regencies.len() > 1).then(|| weighted(known)).flatten()
    }
}

/// What the assessment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Kemendagri code of an area or an island, or the code of one site.
    pub code: String,
    pub name: String,
    /// A village or one of its offices: what fits on a fact sheet.
    pub one_village: bool,
}

/// A regency or a district with its offices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaCoverage {
    pub code: String,
    pub name: String,
    /// Inhabitants, where the region's files have them: of regencies only.
    pub population: Option<u32>,
    pub counts: Counts,
}

/// Why there is no assessment.
#[derive(Debug, thiserror::Error)]
pub enum AssessError<E: std::error::Error + 'static> {
    #[error(transparent)]
    Period(#[from] PeriodError),
    #[error(
        "{found:?} is no code of a province, regency, district, village, island or site that is known here"
    )]
    Scope { found: String },
    #[error("the store could not be read: {0}")]
    Store(#[source] E),
}

/// What to assess and by which rules.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub region: &'a Region,
    /// What counts where the source has dated nothing.
    pub rules: &'a Rules,
    pub holidays: &'a Holidays,
    /// By the rules in force at this moment; at the end of the period when left out, so that an old report
    /// made again is the same.
    pub rules_at_s: Option<i64>,
    pub name: PeriodName,
    /// `None` is the whole province.
    pub scope: Option<&'a str>,
    pub now_s: i64,
}

/// Judges every office of the scope.
pub fn assess<S: Source + Send>(
    source: &S,
    request: Request<'_>,
) -> Result<Assessment, AssessError<S::Error>> {
    assess_with(source, Vec::new(), request, &|_, _| {})
}

/// The same, on as many threads more as there are helpers: other views of the same source. `progress` hears how many
/// of how many offices are judged, from any of the threads.
pub fn assess_with<S: Source + Send>(
    source: &S,
    helpers: Vec<S>,
    request: Request<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Assessment, AssessError<S::Error>> {
    let Request { region, name, now_s, .. } = request;
    let kind = if name.is_quarter() { PeriodKind::Quarter } else { PeriodKind::Other };
    let period = Period { window: name.until(now_s)?, kind };
    let dated = source.rules_at(request.rules_at_s.unwrap_or(period.window.end_s));
    let InForce { rules, holidays, since_s } = dated.map_err(AssessError::Store)?.unwrap_or_else(|| {
        InForce { rules: request.rules.clone(), holidays: request.holidays.clone(), since_s: None }
    });
    let (rules, holidays) = (&rules, &holidays);
    let agents = source.agents().map_err(AssessError::Store)?;
    // The second that is running belongs to no window yet, but a site added in it exists.
    let mut known = source.sites_at(period.window.end_s.saturating_add(1)).map_err(AssessError::Store)?;
    known.sort_by(|a, b| a.site.code.cmp(&b.site.code));
    let place = request.scope.map_or(Some(Place::Province(region)), |code| region.place(code));
    let one_site = request.scope.filter(|code| known.iter().any(|known| known.site.code.as_str() == *code));
    let scope = scope_of(place, one_site, &known).ok_or_else(|| AssessError::Scope {
        found: request.scope.unwrap_or_default().chars().take(60).collect(),
    })?;

    let mut offices = Vec::new();
    for Known { site, existed, earlier } in &known {
        let inside = match (place, one_site) {
            // An area's code wins: a site is usually named after its village, and both mean the same office.
            (Some(place), _) => place.holds(&site.village, &site.island),
            (None, code) => code == Some(site.code.as_str()),
        };
        let agents = agents.get(&site.code).map(Vec::as_slice).unwrap_or_default();
        let agents: Vec<AgentAt> =
            agents.iter().copied().filter(|agent| agent.joined_s < period.window.end_s).collect();
        // A site registered after the period belongs to it only when it was measured in it.
        if !inside || (!existed && agents.is_empty()) {
            continue;
        }
        let measured = measured(site, &agents, period.window);
        let counted = earlier.partition_point(|earlier| earlier.until_s <= measured.start_s);
        offices.push(Office { site, earlier: &earlier[counted..], agents, measured });
    }
    let mut checksum = InputChecksum::new(period, rules, holidays);
    let mut sites = Vec::with_capacity(offices.len());
    let done = AtomicUsize::new(0);
    let judged = judge_all(source, helpers, &offices, |input| {
        let judged = (SiteChecksum::of(input), judge_site(input, period, rules, holidays));
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, offices.len());
        judged
    });
    for (input, site) in judged.map_err(AssessError::Store)? {
        checksum.add(&input);
        sites.push(site);
    }

    let days = TimeZone::Wib.day_at(period.window.start_s)..=TimeZone::Wib.day_at(period.window.end_s - 1);
    let special_days = holidays
        .iter()
        .filter(|day| days.contains(&day_of_date(day.date)))
        .filter(|day| sites.iter().any(|site| day.is_at(&site.site.village)))
        .cloned()
        .collect();
    let year_of = |day: i64| date_of_day(day).year();
    let years_without_holidays = (year_of(*days.start())..=year_of(*days.end()))
        .filter(|year| !holidays.iter().any(|day| day.date.year() == *year && day.is_national()))
        .collect();
    let (islands, outside) = judge_islands(region, &sites, rules, |island| {
        place.is_some_and(|place| !matches!(place, Place::Village(_)) && place.holds_island(island))
    });
    let [first, last] = [period.window.start_s, period.window.end_s - 1]
        .map(|second| Month::at(second.saturating_mul(1000), TimeZone::Wib.offset_minutes()));
    let mut data = source.data_use(first, last).map_err(AssessError::Store)?;
    data.retain(|code, _| sites.binary_search_by(|site| site.site.code.cmp(code)).is_ok());
    data.iter().for_each(|(code, months)| checksum.add_data(code, months));
    let regency_name = |code: &str| region.regency(code).map(|regency| regency.name.clone());
    let population = |code: &str| region.regency(code).map(|regency| regency.population);
    let district_name = |code: &str| region.district(code).map(|district| district.name.clone());
    Ok(Assessment {
        name,
        period,
        scope,
        regencies: areas(&sites, 2, regency_name, population),
        districts: areas(&sites, 3, district_name, |_| None),
        sites,
        islands,
        outside,
        population_source: region.population_source().map(str::to_owned),
        rules: rules.clone(),
        special_days,
        years_without_holidays,
        rules_since_s: since_s,
        data,
        input_sha256: checksum.finish(),
    })
}

/// An office of the scope, before its days are read.
struct Office<'a> {
    site: &'a Site,
    earlier: &'a [Earlier],
    agents: Vec<AgentAt>,
    measured: Span,
}

/// What `judge` says of every office, in their order. Threads take the next office that none has taken.
fn judge_all<S: Source + Send, T: Send>(
    source: &S,
    helpers: Vec<S>,
    offices: &[Office<'_>],
    judge: impl Fn(SiteInput<'_>) -> T + Sync,
) -> Result<Vec<T>, S::Error> {
    let next = AtomicUsize::new(0);
    let take = |source: &S| {
        let mut judged = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(office) = offices.get(at) else { return Ok(judged) };
            let Office { site, earlier, agents, measured } = office;
            let days = agents
                .iter()
                .map(|agent| days_of(source, agent.agent, *measured))
                .collect::<Result<Vec<_>, S::Error>>()?;
            let measured = *measured;
            judged.push((at, judge(SiteInput { site, earlier, agents: &days, measured, throughput: None })));
        }
    };
    let mut judged = std::thread::scope(|scope| {
        let take = &take;
        let threads: Vec<_> = helpers.into_iter().map(|helper| scope.spawn(move || take(&helper))).collect();
        let mut judged: Vec<(usize, T)> = take(source)?;
        for thread in threads {
            judged.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(judged)
    })?;
    judged.sort_unstable_by_key(|(at, _)| *at);
    Ok(judged.into_iter().map(|(_, judged)| judged).collect())
}

fn scope_of(place: Option<Place<'_>>, one_site: Option<&str>, known: &[Known]) -> Option<Scope> {
    if let Some(place) = place {
        let one_village = matches!(place, Place::Village(_));
        return Some(Scope { code: place.code().to_owned(), name: place.name().to_owned(), one_village });
    }
    let code = one_site?;
    let Known { site, .. } = known.iter().find(|known| known.site.code.as_str() == code)?;
    Some(Scope { code: code.to_owned(), name: site.name.clone(), one_village: true })
}

/// From the day the registry says, or from the moment the first agent joined: before, nobody could look.
fn measured(site: &Site, agents: &[AgentAt], window: Span) -> Span {
    let from_s = match site.measured_from {
        Some(date) => Some(site.time_zone.day_start_s(day_of_date(date))),
        None => agents.iter().map(|agent| agent.joined_s).min(),
    };
    Span::new(window.start_s.max(from_s.unwrap_or(window.start_s)), window.end_s)
}

fn days_of<S: Source>(source: &S, agent: AgentId, measured: Span) -> Result<AgentDays, S::Error> {
    let day = |s: i64| Day::try_from(s.div_euclid(86_400)).unwrap_or(Day::MAX);
    if measured.is_empty() {
        return Ok(AgentDays::default());
    }
    let days = source.days(agent, day(measured.start_s), day(measured.end_s - 1))?;
    Ok(AgentDays { days })
}

/// Offices by the first `parts` parts of their village's code.
fn areas(
    sites: &[SiteCoverage],
    parts: usize,
    name: impl Fn(&str) -> Option<String>,
    population: impl Fn(&str) -> Option<u32>,
) -> Vec<AreaCoverage> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for site in sites {
        let code = site.site.village.split('.').take(parts).collect::<Vec<_>>().join(".");
        counts.entry(code).or_default().add(site);
    }
    counts
        .into_iter()
        .map(|(code, counts)| AreaCoverage {
            name: name(&code).unwrap_or_else(|| code.clone()),
            population: population(&code),
            code,
            counts,
        })
        .collect()
}
