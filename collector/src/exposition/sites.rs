//! The families of sites, islands and agents.

use std::collections::BTreeMap;

use suar_wire::bandwidth::{Bandwidth, Direction, TestEnd};
use suar_wire::{DataUse, Note, Outcome};

use super::Scene;
use super::families::{self, Family};
use super::scene::{SiteGrade, SitePlace};
use super::text::{Page, Value};
use crate::calendar::Span;
use crate::coverage::{IslandStanding, Standing};
use crate::live::{AgentLive, Hours, ProbeKind, SiteLive, State};
use crate::wall_clock::MS_A_DAY;

/// The window of all standings on `/metrics`; reports take any other.
const WINDOW: &str = "quarter";

/// How far back silence is counted: bounds what a scrape of many silent sites costs.
const SILENCE_DAYS_MAX: i64 = 14;

/// A site with everything that is known of it at this moment.
struct Row<'a> {
    place: &'a SitePlace,
    state: State,
    live: Option<&'a SiteLive>,
    /// The agent whose readings are shown; none while the site is silent.
    speaker: Option<&'a AgentLive>,
    grade: Option<&'a SiteGrade>,
}

impl Row<'_> {
    fn code(&self) -> &str {
        self.place.code().as_str()
    }
}

pub(super) fn render(scene: &Scene<'_>, page: &mut Page) {
    let silent_after_ms = scene.live.silent_after_ms();
    let rows: Vec<Row<'_>> = (scene.places.sites.iter())
        .map(|place| {
            let live = scene.live.site(place.code());
            Row {
                place,
                state: scene.live.state(place.code(), scene.now_ms),
                live,
                speaker: live.and_then(|live| live.speaker(scene.now_ms, silent_after_ms)),
                grade: scene.standings.and_then(|standings| standings.sites.get(place.code())),
            }
        })
        .collect();
    who_and_where(&rows, page);
    states(&rows, page);
    each(page, &families::SITE_OFFICE_OPEN, &rows, |row| {
        Some(u64::from(scene.open.contains(row.place.code())))
    });
    times(&rows, page);
    silences(scene, &rows, page);
    counters(&rows, page);
    data_use(scene, &rows, page);
    readings(&rows, page);
    bandwidth(&rows, page);
    grades(&rows, page);
    islands(scene, &rows, page);
}

fn who_and_where(rows: &[Row<'_>], page: &mut Page) {
    let mut info = page.family(&families::SITE_INFO);
    for Row { place, .. } in rows {
        let values = [
            place.code().as_str(),
            &place.site.name,
            place.kind_label(),
            &place.site.village,
            &place.village_name,
            &place.district,
            &place.district_name,
            &place.regency,
            &place.regency_name,
            &place.site.island,
            &place.island_name,
            place.site.link.label(),
            &place.site.provider,
        ];
        info.sample(&values, 1_u64);
    }
    each(page, &families::SITE_LATITUDE, rows, |row| row.place.point.map(|point| point.latitude));
    each(page, &families::SITE_LONGITUDE, rows, |row| row.place.point.map(|point| point.longitude));
}

fn states(rows: &[Row<'_>], page: &mut Page) {
    each(page, &families::SITE_UP, rows, |row| match row.state {
        State::Up => Some(1_u64),
        State::Down(_) => Some(0),
        State::Silent | State::NeverHeard => None,
    });
    let mut states = page.family(&families::SITE_STATE);
    for row in rows {
        states.one_of(&[row.code()], &State::LABELS, row.state.label());
    }
    let mut causes = page.family(&families::SITE_DOWN_CAUSE);
    for row in rows {
        if let Some(cause) = row.state.cause() {
            causes.sample(&[row.code(), cause.label()], 1_u64);
        }
    }
}

fn times(rows: &[Row<'_>], page: &mut Page) {
    let measured = |row: &Row<'_>| row.live.and_then(SiteLive::measured_ms).map(Value::millis);
    each(page, &families::SITE_LAST_MEASURED, rows, measured);
    let heard = |row: &Row<'_>| row.live.and_then(SiteLive::heard_ms).map(Value::millis);
    each(page, &families::SITE_LAST_HEARD, rows, heard);
}

fn silences(scene: &Scene<'_>, rows: &[Row<'_>], page: &mut Page) {
    each(page, &families::SITE_SILENT_OFFICE, rows, |row| {
        let since_ms =
            row.live.filter(|_| row.state == State::Silent).and_then(SiteLive::unheard_since_ms)?;
        let since_ms = since_ms.max(scene.now_ms - SILENCE_DAYS_MAX * MS_A_DAY);
        let silent = Span::new(since_ms.div_euclid(1000), scene.now_ms.div_euclid(1000));
        let open = row.place.open_within(silent, scene.holidays);
        Some(open.into_iter().map(Span::seconds).sum::<u64>())
    });
}

fn data_use(scene: &Scene<'_>, rows: &[Row<'_>], page: &mut Page) {
    each(page, &families::SITE_DATA, rows, |row| {
        let month = row.place.month_at(scene.now_ms);
        let of_month =
            row.live.iter().flat_map(|live| live.agents.values()).filter_map(|agent| agent.data_of(month));
        of_month.map(DataUse::paid_bytes).reduce(u64::saturating_add)
    });
    each(page, &families::SITE_DATA_ALLOWANCE, rows, |row| row.place.site.allowance_bytes());
}

fn counters(rows: &[Row<'_>], page: &mut Page) {
    // Sites that were never heard have their zeros too: `increase` sees the first slots only so.
    let none = crate::live::Counters::default();
    let of = |row: &Row<'_>| row.live.map_or(none.clone(), |live| live.counters.clone());
    let mut slots = page.family(&families::SITE_SLOTS);
    for row in rows {
        let counters = of(row);
        for hours in Hours::ALL {
            slots.sample(&[row.code(), "up", hours.label()], counters.slots_up(hours));
            slots.sample(&[row.code(), "down", hours.label()], counters.slots_down(hours));
        }
    }
    let mut echoes = page.family(&families::SITE_ECHOES);
    for row in rows {
        let counters = of(row);
        let answered = counters.echoes_sent.saturating_sub(counters.echoes_lost);
        echoes.sample(&[row.code(), "answered"], answered);
        echoes.sample(&[row.code(), "lost"], counters.echoes_lost);
    }
}

fn readings(rows: &[Row<'_>], page: &mut Page) {
    let mut rtts = page.family(&families::SITE_RTT);
    for row in rows {
        for (target, rtt) in row.speaker.iter().flat_map(|speaker| &speaker.rtts) {
            let values = [row.code(), &target.to_string(), rtt.method.label()];
            rtts.sample(&values, Value::micros(rtt.rtt_us));
        }
    }
    let took = |row: &Row<'_>, kind| match row.speaker?.probes.get(&kind)?.value {
        Outcome::Ok { elapsed_us } => Some(Value::micros(elapsed_us)),
        Outcome::NotSent | Outcome::Failed(_) => None,
    };
    each(page, &families::SITE_GATEWAY_RTT, rows, |row| took(row, ProbeKind::Gateway));
    let mut dns = page.family(&families::SITE_DNS);
    for row in rows {
        dns.maybe(&[row.code(), "office"], took(row, ProbeKind::Dns));
        dns.maybe(&[row.code(), "public"], took(row, ProbeKind::DnsPublic));
    }
    let mut probes = page.family(&families::SITE_PROBE_OK);
    for row in rows {
        for (kind, outcome) in row.speaker.iter().flat_map(|speaker| &speaker.probes) {
            probes.sample(&[row.code(), kind.label()], u64::from(outcome.value.is_ok()));
        }
    }
    let mut notes = page.family(&families::SITE_NOTE);
    for row in rows {
        let newest = row.speaker.and_then(|speaker| speaker.newest.as_ref());
        if let Some((_, note)) = newest.map(|newest| newest.value)
            && note != Note::None
        {
            notes.sample(&[row.code(), note.label()], 1_u64);
        }
    }
}

fn bandwidth(rows: &[Row<'_>], page: &mut Page) {
    let mut rates = page.family(&families::SITE_RATE);
    for row in rows {
        for (direction, test) in row.speaker.iter().flat_map(|speaker| &speaker.rates) {
            let method = test.value.method.map_or("", |method| method.label());
            rates.maybe(&[row.code(), direction.label(), method], test.value.rate_bps.map(bytes_of_bits));
        }
    }
    let mut of_test = |family, value: fn(i64, &Bandwidth) -> Option<Value>| {
        let mut samples = page.family(family);
        for row in rows {
            for (direction, test) in row.speaker.iter().flat_map(|speaker| &speaker.rates) {
                samples.maybe(&[row.code(), direction.label()], value(test.at_ms, &test.value));
            }
        }
    };
    of_test(&families::SITE_RATE_AT, |at_ms, _| Some(Value::millis(at_ms)));
    of_test(&families::SITE_RATE_STEADY, |_, test| Some(u64::from(test.end == TestEnd::Measured).into()));
    of_test(&families::SITE_RATE_BURST, |_, test| test.burst_bps.map(bytes_of_bits));
    of_test(&families::SITE_RATE_IDLE_RTT, |_, test| test.idle_rtt_us.map(Value::micros));
    of_test(&families::SITE_RATE_LOADED_RTT, |_, test| test.loaded_rtt_us.map(Value::micros));
    let mut subscribed = page.family(&families::SITE_SUBSCRIBED);
    for row in rows {
        for direction in Direction::ALL {
            let bits = row.place.site.subscribed_bits(*direction);
            subscribed.maybe(&[row.code(), direction.label()], bits.map(bytes_of_bits));
        }
    }
    let mut tests = page.family(&families::SITE_TESTS);
    for row in rows {
        for ((direction, end), ended) in row.live.iter().flat_map(|live| &live.counters.tests) {
            tests.sample(&[row.code(), direction.label(), end.label()], ended.count);
        }
    }
    let mut bytes = page.family(&families::SITE_TEST_BYTES);
    for row in rows {
        for direction in Direction::ALL {
            let of_direction = row.live.iter().flat_map(|live| &live.counters.tests);
            let of_direction = of_direction.filter(|((known, _), _)| known == direction);
            let sum: u64 = of_direction.map(|(_, ended)| ended.bytes).sum();
            if sum > 0 {
                bytes.sample(&[row.code(), direction.label()], sum);
            }
        }
    }
}

fn grades(rows: &[Row<'_>], page: &mut Page) {
    let mut ratio = |family, of: fn(&SiteGrade) -> Option<f64>| {
        let mut samples = page.family(family);
        for row in rows {
            samples.maybe(&[row.code(), WINDOW], row.grade.and_then(of));
        }
    };
    ratio(&families::SITE_AVAILABILITY, |grade| grade.availability);
    ratio(&families::SITE_OBSERVED, |grade| grade.observed);
    ratio(&families::SITE_WORST_CASE, |grade| grade.worst_case);
    let all = Standing::ALL.map(Standing::label);
    let mut standings = page.family(&families::SITE_STANDING);
    for row in rows {
        if let Some(grade) = row.grade {
            standings.one_of(&[row.code()], &all, grade.standing.label());
        }
    }
    let flag = |of: fn(&SiteGrade) -> bool| move |row: &Row<'_>| row.grade.map(|grade| u64::from(of(grade)));
    each(page, &families::SITE_AT_BORDER, rows, flag(|grade| grade.at_border));
    each(page, &families::SITE_LIMITED_BY_POWER, rows, flag(|grade| grade.limited_by_power));
}

fn islands(scene: &Scene<'_>, rows: &[Row<'_>], page: &mut Page) {
    let islands = &scene.places.islands;
    let mut on: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        on.entry(&row.place.site.island).or_default().push(row);
    }
    let count = |code: &str, wanted: &dyn Fn(&Row<'_>) -> bool| {
        on.get(code).map_or(0, |rows| rows.iter().filter(|row| wanted(row)).count() as u64)
    };
    let mut latitudes = page.family(&families::ISLAND_LATITUDE);
    for island in islands {
        latitudes.maybe(&[&island.code, &island.name], island.point.map(|point| point.latitude));
    }
    let mut longitudes = page.family(&families::ISLAND_LONGITUDE);
    for island in islands {
        longitudes.maybe(&[&island.code, &island.name], island.point.map(|point| point.longitude));
    }
    let mut by_state = page.family(&families::ISLAND_SITES);
    for island in islands {
        for state in State::LABELS {
            let sites = count(&island.code, &|row| row.state.label() == state);
            by_state.sample(&[&island.code, &island.name, state], sites);
        }
    }
    let Some(standings) = scene.standings else { return };
    let mut graded = page.family(&families::ISLAND_SITES_GRADED);
    for island in islands {
        for standing in Standing::ALL {
            let sites = count(&island.code, &|row| row.grade.is_some_and(|grade| grade.standing == standing));
            graded.sample(&[&island.code, &island.name, standing.label()], sites);
        }
    }
    let judged = || islands.iter().filter_map(|island| Some((island, standings.islands.get(&island.code)?)));
    let all = IslandStanding::ALL.map(IslandStanding::label);
    let mut standing = page.family(&families::ISLAND_STANDING);
    for (island, grade) in judged() {
        standing.one_of(&[&island.code, &island.name], &all, grade.coverage.standing.label());
    }
    let mut availability = page.family(&families::ISLAND_AVAILABILITY);
    for (island, grade) in judged() {
        availability.maybe(&[&island.code, &island.name, WINDOW], grade.availability);
    }
}

/// Prometheus' base unit is the byte.
fn bytes_of_bits(bits: u64) -> Value {
    Value::Real(bits as f64 / 8.0)
}

/// One sample a site, where there is a value.
fn each<V: Into<Value>>(
    page: &mut Page,
    family: &'static Family,
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> Option<V>,
) {
    let mut samples = page.family(family);
    for row in rows {
        samples.maybe(&[row.code()], value(row));
    }
}
