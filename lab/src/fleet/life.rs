//! What happens at one simulated office: when its machines are on, when its link is down, how it rains.
//!
//! Pure: everything comes from a seed, so the same seed is the same period. This is the truth; the records
//! that follow from it are made in [`super::pc`], what must be reported in [`crate::plain`].

use std::collections::BTreeSet;

use serde::Serialize;
use suar_wire::record::GapReason;
use suar_wire::{AgentId, Cause};

use crate::seed::Random;

pub const DAY_S: i64 = 86_400;
/// All of province 19 is seven hours ahead of UTC.
pub const WIB_S: i64 = 7 * 3_600;

/// A stretch of time, seconds since 1970, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    pub from_s: i64,
    pub until_s: i64,
}

impl Stretch {
    /// The first slot that begins in it.
    pub fn first_slot(&self, width_s: i64) -> i64 {
        (self.from_s + width_s - 1).div_euclid(width_s)
    }

    pub fn holds(&self, second: i64) -> bool {
        (self.from_s..self.until_s).contains(&second)
    }
}

/// How the machines of an office live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// A small server that is never off.
    AlwaysOn,
    /// Switched on in the morning and off in the afternoon, in order.
    OfficeHours,
    /// The village's generator runs for half a day and then stops.
    HalfDayPower,
    /// The generator runs at night only; a small one of the office lends a few hours in the morning.
    NightPower,
}

/// What it is connected by, and by that how good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Fiber,
    Radio,
    Cellular,
    GeoSatellite,
}

/// Hours in which an office is open, as the registry is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    Standard,
    Always,
    /// A school's mornings, six days a week.
    Mornings,
}

impl Hours {
    pub fn text(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Always => "always",
            Self::Mornings => "mon-sat 07:00-12:30",
        }
    }
}

/// What the line of an office carries, bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Line {
    pub download_bps: u64,
    pub upload_bps: u64,
}

/// Declared supply of an office whose generator runs at night.
pub const NIGHT_SUPPLY: &str = "mon-sun 17:00-07:00";

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The machine was shut down in order.
    ShutDown,
    /// The power went.
    PowerCut,
    /// Somebody stopped the agent; the machine ran on.
    Stopped,
    /// The agent died; the machine ran on.
    Died,
}

/// From start to end of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Session {
    #[serde(flatten)]
    pub span: Stretch,
    pub end: End,
}

/// One machine with an agent.
#[derive(Debug, Clone, Serialize)]
pub struct Pc {
    pub agent: AgentId,
    /// Ascending.
    pub sessions: Vec<Session>,
    /// Stretches inside a session in which the agent knew that it did not look.
    pub gaps: Vec<(Stretch, Gap)>,
    /// Stretches inside a session whose records the spool lost.
    pub lost: Vec<Stretch>,
    /// When its own cable was out, ascending.
    pub unplugged: Vec<Stretch>,
    /// How far its wall clock is from the truth.
    pub clock_off_s: i64,
    #[serde(skip)]
    pub seed: u64,
}

/// Why an agent did not look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    Asleep,
    Paused,
    Starved,
}

impl Gap {
    pub fn reason(self) -> GapReason {
        match self {
            Self::Asleep => GapReason::Suspended,
            Self::Paused => GapReason::Paused,
            Self::Starved => GapReason::Starved,
        }
    }
}

/// The truth about one office in a period.
#[derive(Debug, Clone, Serialize)]
pub struct Office {
    pub site: String,
    pub village: String,
    pub habit: Habit,
    pub link: Link,
    pub hours: Hours,
    /// Hours from a moment on that differ from `hours`.
    pub hours_later: Option<(i64, Hours)>,
    /// Whether the registry knows that the generator runs at night only.
    pub night_supply_declared: bool,
    /// When its first agent joined: before, nobody could look.
    pub joined_s: i64,
    /// When the link was down, on or not, ascending, with the cause.
    pub down: Vec<(Stretch, Cause)>,
    /// When rain took part of what was sent, ascending.
    pub rain: Vec<Stretch>,
    /// None, one or two.
    pub pcs: Vec<Pc>,
    pub base_rtt_us: u32,
    /// `None` where bandwidth is never tested.
    pub line: Option<Line>,
}

impl Office {
    /// `window` is the period in seconds since 1970, local midnight to local midnight; `holidays` are days since
    /// 1970.
    pub fn simulate(
        site: String,
        village: String,
        agents: &mut impl Iterator<Item = AgentId>,
        window: Stretch,
        holidays: &BTreeSet<i64>,
        seed: u64,
    ) -> Self {
        let mut random = Random::from_seed(seed);
        let random = &mut random;
        // On the two main islands the grid runs day and night.
        let habit = match random.below(20) {
            0..=3 => Habit::AlwaysOn,
            4..=14 => Habit::OfficeHours,
            15..=17 => Habit::HalfDayPower,
            _ => Habit::NightPower,
        };
        let link = match random.below(20) {
            0..=6 => Link::Fiber,
            7..=12 => Link::Cellular,
            13..=15 => Link::Radio,
            _ => Link::GeoSatellite,
        };
        let hours = match random.below(20) {
            0..=16 => Hours::Standard,
            17..=18 => Hours::Mornings,
            _ => Hours::Always,
        };
        let base_rtt_us = match link {
            Link::GeoSatellite => 580_000,
            Link::Cellular => 60_000 + random.below(110_000) as u32,
            Link::Fiber | Link::Radio => 15_000 + random.below(60_000) as u32,
        };
        let length_s = window.until_s - window.from_s;
        let joined_s = if random.chance(0.1) {
            window.from_s + random.below(length_s.unsigned_abs()) as i64
        } else {
            window.from_s
        };
        let hours_later = random.chance(0.1).then(|| {
            let day = 1 + random.below((length_s / DAY_S - 1).unsigned_abs()) as i64;
            let other = if hours == Hours::Standard { Hours::Mornings } else { Hours::Standard };
            (window.from_s + day * DAY_S, other)
        });
        let rain = rain(link, window, random);
        let mut down = down(link, window, random);
        if link == Link::Cellular && random.chance(0.4) {
            down = with_quota_ends(down, window, random);
        }
        let count = match random.below(20) {
            0 => 0,
            1..=15 => 1,
            _ => 2,
        };
        let seen = Stretch { from_s: joined_s, until_s: window.until_s };
        let pcs =
            agents.take(count).map(|agent| Pc::simulate(agent, habit, seen, holidays, random)).collect();
        let night_supply_declared = habit == Habit::NightPower && random.chance(0.7);
        let line = random.chance(0.7).then(|| line(link, random));
        Self {
            site,
            village,
            habit,
            link,
            hours,
            hours_later,
            night_supply_declared,
            joined_s,
            down,
            rain,
            pcs,
            base_rtt_us,
            line,
        }
    }

    /// Forgets what its machines do later.
    pub fn end_at(&mut self, until_s: i64) {
        self.pcs.retain(|_| self.joined_s < until_s);
        for pc in &mut self.pcs {
            pc.sessions.retain(|session| session.span.from_s < until_s);
            if let Some(last) = pc.sessions.last_mut() {
                last.span.until_s = last.span.until_s.min(until_s);
            }
        }
    }

    pub fn cause_at(&self, second: i64) -> Option<Cause> {
        let next = self.down.partition_point(|(down, _)| down.until_s <= second);
        self.down.get(next).filter(|(down, _)| down.holds(second)).map(|(_, cause)| *cause)
    }

    /// Share of what is sent that gets lost while the link is up.
    pub fn loss_at(&self, second: i64) -> f64 {
        if self.rain.iter().any(|rain| rain.holds(second)) {
            return 0.3;
        }
        match self.link {
            Link::Fiber => 0.001,
            Link::Radio => 0.01,
            Link::Cellular => 0.025,
            Link::GeoSatellite => 0.045,
        }
    }
}

impl Pc {
    fn simulate(
        agent: AgentId,
        habit: Habit,
        seen: Stretch,
        holidays: &BTreeSet<i64>,
        random: &mut Random,
    ) -> Self {
        let mut pc = Self {
            agent,
            sessions: sessions(habit, seen, holidays, random),
            gaps: Vec::new(),
            lost: Vec::new(),
            unplugged: Vec::new(),
            clock_off_s: match random.below(12) {
                // A dead battery, a wrong zone, a clock nobody set for a year.
                0 => -6_300 * DAY_S,
                1 => 9 * 3_600,
                2 => -400 * DAY_S + 1_234,
                _ => 0,
            },
            seed: random.next_u64(),
        };
        pc.break_things(random);
        pc
    }

    /// At most one of each a session, in different quarters of it, so that none hides another.
    fn break_things(&mut self, random: &mut Random) {
        for session in &self.sessions {
            let quarter_s = (session.span.until_s - session.span.from_s) / 4;
            if quarter_s < 3_600 {
                continue;
            }
            let mut piece = |quarter: i64, longest_s: i64| {
                let length_s =
                    300 + random.below((longest_s.min(quarter_s - 1_800) - 300).max(1).unsigned_abs()) as i64;
                let room_s = (quarter_s - length_s - 1_200).max(1);
                let from_s = session.span.from_s
                    + quarter * quarter_s
                    + 600
                    + random.below(room_s.unsigned_abs()) as i64;
                (random.below(100), Stretch { from_s, until_s: from_s + length_s })
            };
            if let (0..=9, asleep) = piece(0, 5_400) {
                self.gaps.push((asleep, Gap::Asleep));
            }
            if let (0..=4, unplugged) = piece(1, 7_200) {
                self.unplugged.push(unplugged);
            }
            match piece(2, 3_600) {
                (0..=1, paused) => self.gaps.push((paused, Gap::Paused)),
                (2, starved) => self.gaps.push((starved, Gap::Starved)),
                _ => {}
            }
            if let (0..=1, lost) = piece(3, 3_600) {
                self.lost.push(lost);
            }
        }
    }
}

/// When an agent ran.
fn sessions(habit: Habit, seen: Stretch, holidays: &BTreeSet<i64>, random: &mut Random) -> Vec<Session> {
    let mut sessions = Vec::new();
    let first_day = (seen.from_s + WIB_S).div_euclid(DAY_S);
    let after = (seen.until_s + WIB_S).div_euclid(DAY_S);
    let mut add = |from_s: i64, until_s: i64, end: End| {
        let span = Stretch { from_s: from_s.max(seen.from_s), until_s: until_s.min(seen.until_s) };
        if span.until_s - span.from_s >= 1_200 {
            sessions.push(Session { span, end });
        }
    };
    if habit == Habit::AlwaysOn {
        // Restarted now and then; sometimes it takes days until somebody sees that it died.
        let mut from_s = seen.from_s;
        while from_s < seen.until_s {
            let until_s = from_s + DAY_S + random.below(30 * DAY_S as u64) as i64;
            let (end, away_s) = match random.below(4) {
                0 => (End::Died, 600 + random.below(4 * DAY_S as u64) as i64),
                1 => (End::Stopped, 600 + random.below(DAY_S as u64) as i64),
                2 => (End::PowerCut, 600 + random.below(6 * 3_600) as i64),
                _ => (End::ShutDown, 600 + random.below(3 * 3_600) as i64),
            };
            add(from_s, until_s, end);
            from_s = until_s + away_s;
        }
        return sessions;
    }
    for day in first_day..after {
        let midnight_s = day * DAY_S - WIB_S;
        let mut at = |hour: i64, minute: i64, give_s: u64| {
            midnight_s + hour * 3_600 + minute * 60 + random.below(give_s) as i64
        };
        match habit {
            Habit::OfficeHours => {
                let (from_s, until_s) = (at(7, 40, 1_800), at(16, 10, 1_200));
                // 1970-01-01 was a Thursday; nobody comes on Saturday and Sunday, on a holiday hardly anybody, and
                // some days nobody does.
                let weekend = matches!((day + 3).rem_euclid(7), 5 | 6);
                let away = weekend || (holidays.contains(&day) && !random.chance(0.1));
                if !away && !random.chance(0.04) {
                    let end = if random.chance(0.05) { End::PowerCut } else { End::ShutDown };
                    add(from_s, until_s, end);
                }
            }
            Habit::HalfDayPower => {
                let (from_s, until_s) = (at(6, 0, 1_800), at(18, 0, 1_200));
                add(from_s, until_s, End::PowerCut);
            }
            Habit::NightPower => {
                let (from_s, until_s) = (at(8, 0, 3_600), at(11, 30, 3_600));
                add(from_s, until_s, End::PowerCut);
                let (from_s, until_s) = (at(17, 0, 1_200), at(29, 0, 1_200));
                add(from_s, until_s, End::PowerCut);
            }
            Habit::AlwaysOn => {}
        }
    }
    sessions
}

/// From lines that are called broadband to those that a page of text fills.
fn line(link: Link, random: &mut Random) -> Line {
    let between = |low: u64, high: u64, random: &mut Random| low + random.below(high - low);
    let download_kbps = match link {
        Link::Fiber => between(6_000, 50_000, random),
        Link::Radio => between(900, 20_000, random),
        Link::Cellular => between(400, 16_000, random),
        Link::GeoSatellite => between(300, 12_000, random),
    };
    let upload_kbps = download_kbps * between(10, 60, random) / 100;
    Line { download_bps: download_kbps * 1_000, upload_bps: upload_kbps * 1_000 }
}

/// Afternoon rain takes radio and satellite links.
fn rain(link: Link, window: Stretch, random: &mut Random) -> Vec<Stretch> {
    if !matches!(link, Link::Radio | Link::GeoSatellite) {
        return Vec::new();
    }
    let mut rain = Vec::new();
    let mut midnight_s = window.from_s;
    while midnight_s < window.until_s {
        if random.chance(0.2) {
            let from_s = midnight_s + 12 * 3_600 + random.below(4 * 3_600) as i64;
            rain.push(Stretch { from_s, until_s: from_s + 1_200 + random.below(7_200) as i64 });
        }
        midnight_s += DAY_S;
    }
    rain
}

/// Outages a day, and how long one lasts on average, in seconds.
fn outages(link: Link, random: &mut Random) -> (f64, f64) {
    let bad = random.chance(0.25);
    match (link, bad) {
        (Link::Fiber, false) => (0.05, 600.0),
        (Link::Fiber, true) => (0.3, 3_600.0),
        (Link::Radio, false) => (0.3, 1_200.0),
        (Link::Radio, true) => (1.5, 3_000.0),
        (Link::Cellular, false) => (0.8, 900.0),
        (Link::Cellular, true) => (3.0, 2_400.0),
        (Link::GeoSatellite, false) => (0.5, 1_500.0),
        (Link::GeoSatellite, true) => (2.5, 4_500.0),
    }
}

fn down(link: Link, window: Stretch, random: &mut Random) -> Vec<(Stretch, Cause)> {
    let (a_day, mean_s) = outages(link, random);
    let exponential = |random: &mut Random, mean: f64| -(1.0 - random.share()).ln() * mean;
    let mut down = Vec::new();
    let mut at_s = window.from_s;
    loop {
        at_s += exponential(random, DAY_S as f64 / a_day) as i64;
        let until_s = at_s + 60 + exponential(random, mean_s) as i64;
        if until_s >= window.until_s {
            return down;
        }
        let cause = match random.below(20) {
            0..=1 => Cause::Gateway,
            2 => Cause::Dns,
            3 => Cause::CaptivePortal,
            _ => Cause::Internet,
        };
        down.push((Stretch { from_s: at_s, until_s }, cause));
        at_s = until_s + 60;
    }
}

/// Every month the bundle is used up before the month is: a portal answers until the last of it.
fn with_quota_ends(
    down: Vec<(Stretch, Cause)>,
    window: Stretch,
    random: &mut Random,
) -> Vec<(Stretch, Cause)> {
    const MONTH_S: i64 = 30 * DAY_S;
    let mut ends: Vec<Stretch> = Vec::new();
    let mut month_s = window.from_s;
    while month_s + MONTH_S <= window.until_s {
        let until_s = month_s + MONTH_S;
        ends.push(Stretch { from_s: until_s - random.below(4 * DAY_S as u64) as i64 - 60, until_s });
        month_s = until_s;
    }
    let apart = |outage: &Stretch| {
        ends.iter().all(|end| outage.until_s + 60 <= end.from_s || outage.from_s >= end.until_s + 60)
    };
    let mut all: Vec<_> = down.into_iter().filter(|(outage, _)| apart(outage)).collect();
    all.extend(ends.iter().map(|end| (*end, Cause::CaptivePortal)));
    all.sort_by_key(|(outage, _)| outage.from_s);
    all
}
