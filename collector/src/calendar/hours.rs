//! Weekly hours as people write them: `standard`, `always`, or `mon-thu 08:00-16:00; fri 08:00-11:30,13:00-16:00`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::holidays::{DayKind, Holidays};
use super::span::{DAY_S, Span, push_joined};
use super::{TimeZone, date_of_day};

const MINUTES_A_DAY: u16 = 1_440;
/// Longest text, in bytes: it comes from files and command lines.
const TEXT_BYTES_MAX: usize = 500;
const STANDARD: &str = "mon-thu 08:00-16:00; fri 08:00-11:30,13:00-16:00";
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAYS_ID: [&str; 7] = ["sen", "sel", "rab", "kam", "jum", "sab", "min"];

/// Parsed once: nearly every site of a large registry has these.
static STANDARD_HOURS: LazyLock<OfficeHours> =
    LazyLock::new(|| parse(STANDARD).expect("the standard hours are a tested constant"));

/// Why a text is not weekly hours, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} are no hours: {problem}; right are \"standard\", \"always\" or e.g. \"{STANDARD}\"")]
pub struct HoursError {
    found: String,
    problem: String,
}

/// Weekly hours in local time. Reads and prints one canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfficeHours {
    /// Minutes of the local day from Monday on, ascending, disjoint, not touching.
    week: [Vec<(u16, u16)>; 7],
}

impl OfficeHours {
    /// Hours of a village office where nothing else is said: 37.5 hours a week with the Friday pause.
    pub fn standard() -> Self {
        STANDARD_HOURS.clone()
    }

    /// Every hour of every day, holidays too: who writes `always` means it.
    pub fn always() -> Self {
        Self { week: std::array::from_fn(|_| vec![(0, MINUTES_A_DAY)]) }
    }

    pub fn is_always(&self) -> bool {
        self.week.iter().all(|day| day == &[(0, MINUTES_A_DAY)])
    }

    /// These hours inside a window, as ascending, disjoint stretches of UTC that do not touch. Days that
    /// are holidays at `place` (a Kemendagri code) have none, except for hours that are `always`; special
    /// hours of a day, as in Ramadan, take the place of standard ones only.
    pub fn within(&self, window: Span, zone: TimeZone, holidays: &Holidays, place: &str) -> Vec<Span> {
        if window.is_empty() {
            return Vec::new();
        }
        if self.is_always() {
            return vec![window];
        }
        let is_standard = *self == *STANDARD_HOURS;
        let mut spans = Vec::new();
        for day in zone.day_at(window.start_s)..=zone.day_at(window.end_s - 1) {
            let week = match holidays.kind_of(date_of_day(day), place) {
                DayKind::Closed => continue,
                DayKind::Special(hours) if is_standard => &hours.week,
                DayKind::Special(_) | DayKind::Usual => &self.week,
            };
            // 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday.
            let weekday = (day + 3).rem_euclid(7) as usize;
            let midnight_s = zone.day_start_s(day);
            for &(from, to) in &week[weekday] {
                let open = Span::new(midnight_s + i64::from(from) * 60, midnight_s + i64::from(to) * 60);
                if let Some(inside) = open.and(window) {
                    push_joined(&mut spans, inside);
                }
            }
        }
        spans
    }

    /// The days and times themselves, where the text would say `standard`.
    pub fn written_out(&self) -> String {
        if *self == *STANDARD_HOURS { STANDARD.to_owned() } else { self.to_string() }
    }

    /// Seconds of a week that are within these hours.
    pub fn seconds_a_week(&self) -> i64 {
        self.week.iter().flatten().map(|&(from, to)| i64::from(to - from) * 60).sum::<i64>().min(7 * DAY_S)
    }
}

impl Default for OfficeHours {
    fn default() -> Self {
        Self::standard()
    }
}

impl FromStr for OfficeHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "standard" | "standar" => Ok(Self::standard()),
            "always" | "selalu" => Ok(Self::always()),
            plain => parse(plain),
        }
    }
}

/// Days and times, in lower case.
fn parse(text: &str) -> Result<OfficeHours, HoursError> {
    let wrong = |problem: String| HoursError { found: text.chars().take(80).collect(), problem };
    if text.len() > TEXT_BYTES_MAX {
        return Err(wrong(format!("longer than {TEXT_BYTES_MAX} bytes")));
    }
    let mut minutes = [[false; MINUTES_A_DAY as usize]; 7];
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (days, times) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| wrong(format!("{part:?} has no times behind its days")))?;
        let days = parse_days(days).map_err(wrong)?;
        for time in times.split(',') {
            let (from, to) = parse_times(time.trim()).map_err(wrong)?;
            for &day in &days {
                mark(&mut minutes, day, from, to);
            }
        }
    }
    let week = minutes.map(|day| stretches(&day));
    if week.iter().all(Vec::is_empty) {
        return Err(wrong("not one hour in the week".to_owned()));
    }
    Ok(OfficeHours { week })
}

fn parse_days(text: &str) -> Result<Vec<usize>, String> {
    let day = |name: &str| {
        DAYS.iter()
            .position(|known| name == *known)
            .or_else(|| DAYS_ID.iter().position(|known| name == *known))
            .ok_or_else(|| {
                format!("{name:?} is no day (mon tue wed thu fri sat sun, or sen sel rab kam jum sab min)")
            })
    };
    let mut days = Vec::new();
    for piece in text.split(',') {
        match piece.split_once('-') {
            None => days.push(day(piece)?),
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                let length = (last + 7 - first) % 7;
                days.extend((0..=length).map(|step| (first + step) % 7));
            }
        }
    }
    Ok(days)
}

fn parse_times(text: &str) -> Result<(u16, u16), String> {
    let minute = |clock: &str| {
        let (hours, minutes) = clock.trim().split_once([':', '.'])?;
        let two_digits = |part: &str| (part.len() <= 2).then(|| part.parse::<u16>().ok()).flatten();
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        let minute = hours * 60 + minutes;
        (minutes < 60 && minute <= MINUTES_A_DAY).then_some(minute)
    };
    text.split_once('-')
        .and_then(|(from, to)| Some((minute(from)?, minute(to)?)))
        .filter(|(from, to)| from != to && *from < MINUTES_A_DAY)
        .ok_or_else(|| format!("{text:?} is no stretch of a day like 08:00-16:00"))
}

/// Hours that end before they begin run past midnight, as a generator's do: 18:00-06:00.
fn mark(minutes: &mut [[bool; MINUTES_A_DAY as usize]; 7], day: usize, from: u16, to: u16) {
    let (from, to) = (usize::from(from), usize::from(to));
    if from < to {
        minutes[day][from..to].fill(true);
    } else {
        minutes[day][from..].fill(true);
        minutes[(day + 1) % 7][..to].fill(true);
    }
}

fn stretches(day: &[bool; MINUTES_A_DAY as usize]) -> Vec<(u16, u16)> {
    let mut found: Vec<(u16, u16)> = Vec::new();
    for (minute, _) in (0u16..).zip(day).filter(|(_, open)| **open) {
        match found.last_mut() {
            Some(last) if last.1 == minute => last.1 = minute + 1,
            _ => found.push((minute, minute + 1)),
        }
    }
    found
}

impl fmt::Display for OfficeHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_always() {
            return f.write_str("always");
        }
        if *self == *STANDARD_HOURS {
            return f.write_str("standard");
        }
        let mut first = 0;
        let mut separator = "";
        while first < 7 {
            let mut last = first;
            while last < 6 && self.week[last + 1] == self.week[first] {
                last += 1;
            }
            if !self.week[first].is_empty() {
                f.write_str(separator)?;
                separator = "; ";
                f.write_str(DAYS[first])?;
                if last > first {
                    write!(f, "-{}", DAYS[last])?;
                }
                for (at, (from, to)) in self.week[first].iter().enumerate() {
                    let lead = if at == 0 { " " } else { "," };
                    write!(f, "{lead}{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)?;
                }
            }
            first = last + 1;
        }
        Ok(())
    }
}

impl TryFrom<String> for OfficeHours {
    type Error = HoursError;
    fn try_from(text: String) -> Result<Self, HoursError> {
        text.parse()
    }
}

impl From<OfficeHours> for String {
    fn from(hours: OfficeHours) -> String {
        hours.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> OfficeHours {
        text.parse().expect("valid hours")
    }

    /// 2026-03-02 was a Monday; WIB midnight is 17:00 UTC of the day before.
    const MONDAY_WIB_S: i64 = 1_772_384_400;

    fn expand(text: &str, days: i64) -> Vec<(i64, i64)> {
        let window = Span::new(MONDAY_WIB_S, MONDAY_WIB_S + days * DAY_S);
        let minute = |s: i64| (s - MONDAY_WIB_S) / 60;
        hours(text)
            .within(window, TimeZone::Wib, &Holidays::default(), "19")
            .iter()
            .map(|span| (minute(span.start_s), minute(span.end_s)))
            .collect()
    }

    #[test]
    fn the_standard_week_has_a_long_pause_on_friday() {
        assert_eq!(
            expand("standard", 7),
            [(480, 960), (1_920, 2_400), (3_360, 3_840), (4_800, 5_280), (6_240, 6_450), (6_540, 6_720)]
        );
        assert_eq!(OfficeHours::standard().seconds_a_week(), (4 * 8 * 60 + 210 + 180) * 60);
    }

    #[test]
    fn indonesian_day_names_and_dots_in_times_mean_the_same() {
        assert_eq!(hours("sen-kam 08.00-16.00; jum 08.00-11.30,13.00-16.00"), OfficeHours::standard());
        assert_eq!(hours("sab,min 7:00-9:00"), hours("sat-sun 07:00-09:00"));
    }

    #[test]
    fn a_generators_night_runs_past_midnight_and_past_the_end_of_the_week() {
        assert_eq!(expand("mon 18:00-06:00", 2), [(1_080, 1_800)]);
        assert_eq!(expand("sun 18:00-06:00", 7), [(0, 360), (6 * 1_440 + 1_080, 7 * 1_440)]);
    }

    #[test]
    fn hours_print_what_they_read_in_one_canonical_form() {
        for (text, printed) in [
            ("standard", "standard"),
            (STANDARD, "standard"),
            ("Always", "always"),
            ("mon-sun 00:00-24:00", "always"),
            ("wed 8:00-9:00; mon 8:00-8:30,8:30-9:00", "mon 08:00-09:00; wed 08:00-09:00"),
            ("fri-mon 10:00-11:00", "mon 10:00-11:00; fri-sun 10:00-11:00"),
        ] {
            assert_eq!(hours(text).to_string(), printed);
            assert_eq!(hours(printed), hours(text));
        }
    }

    #[test]
    fn what_is_no_hours_is_refused_with_what_would_be() {
        for wrong in ["", "daily", "mon", "mon 8-16", "mon 08:00-25:00", "mon 08:00-08:00", "foo 08:00-09:00"]
        {
            let error = wrong.parse::<OfficeHours>().expect_err(wrong).to_string();
            assert!(error.contains("standard"), "{error}");
        }
    }

    #[test]
    fn holidays_take_the_day_away_except_from_always() {
        let holidays = Holidays::parse("date,scope,name\n2026-03-02,,Libur\n", "test").expect("valid");
        let window = Span::new(MONDAY_WIB_S, MONDAY_WIB_S + DAY_S);
        let of = |text: &str| hours(text).within(window, TimeZone::Wib, &holidays, "19.02");
        assert!(of("standard").is_empty());
        assert_eq!(of("always"), [window]);
    }

    #[test]
    fn ramadan_changes_standard_hours_and_leaves_an_offices_own() {
        let text = "2026-03-02,,Ramadan,mon-thu 08:00-12:00";
        let holidays = Holidays::parse(text, "test").expect("valid");
        let window = Span::new(MONDAY_WIB_S, MONDAY_WIB_S + 2 * DAY_S);
        let of = |text: &str| {
            let open = hours(text).within(window, TimeZone::Wib, &holidays, "19.02");
            open.iter().map(|span| (span.end_s - span.start_s) / 3_600).collect::<Vec<_>>()
        };
        assert_eq!(of("standard"), [4, 8]);
        assert_eq!(of("mon-tue 08:00-15:00"), [7, 7]);
        assert_eq!(of("always"), [48]);
    }
}
