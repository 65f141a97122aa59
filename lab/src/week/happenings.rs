//! What happens in the week, minute by minute, and which alerts should come of it. Pure.
//!
//! Minutes count from Monday 00:00 in western Indonesia. Offices are open from 8 to 16, on Friday from 8 to
//! 11:30 and from 13 to 16.

use std::ops::Range;

use serde::Serialize;
use suar_wire::{Cause, Verdict};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

const fn at(day: i64, hour: i64, minute: i64) -> i64 {
    day * DAY + hour * HOUR + minute
}

const MONDAY: i64 = 0;
const TUESDAY: i64 = 1;
const WEDNESDAY: i64 = 2;
const THURSDAY: i64 = 3;
const FRIDAY: i64 = 4;
const SATURDAY: i64 = 5;

/// Two offices of one small island.
const NASIK: &str = "19.02.03.2001";
const PETALING: &str = "19.02.03.2002";
/// The only office of its island.
const SELIU: &str = "19.02.02.2009";
/// Three of Bangka, with machines that are never off.
const SUNGAILIAT: &str = "19.01.01.1001";
const SRI_MENANTI: &str = "19.01.01.1002";
const KUDAI: &str = "19.01.01.1003";
/// Two of Belitung with office computers.
const MEMBALONG: &str = "19.02.02.2001";
const PERPAT: &str = "19.02.02.2002";

/// The tower of all three of Bangka, on an evening.
const TOWER_IS_OFF: Range<i64> = at(TUESDAY, 19, 0)..at(TUESDAY, 20, 0);
/// Until the administrator takes it back.
const PLAN_IS_WRONG: Range<i64> = at(MONDAY, 9, 0)..at(MONDAY, 11, 0);

pub struct Office {
    pub village: &'static str,
    always_on: bool,
}

pub fn offices() -> Vec<Office> {
    let villages = [
        (NASIK, true),
        (PETALING, true),
        (SELIU, true),
        (SUNGAILIAT, true),
        (SRI_MENANTI, true),
        (KUDAI, true),
        (MEMBALONG, false),
        (PERPAT, false),
    ];
    villages.map(|(village, always_on)| Office { village, always_on }).into()
}

impl Office {
    /// What its agent measures in this minute; `None` while it is off.
    pub fn verdict(&self, minute: i64) -> Option<Verdict> {
        let is_on = self.has_power(minute) && (self.always_on || self.is_attended(minute));
        let down = self.is_down(minute);
        is_on.then_some(if down { Verdict::Down(Cause::Internet) } else { Verdict::Up })
    }

    /// From ten to eight until ten past four on weekdays; once somebody comes forty minutes late.
    fn is_attended(&self, minute: i64) -> bool {
        let (day, of_day) = (minute / DAY, minute % DAY);
        let late = self.village == PERPAT && day == WEDNESDAY;
        let from = if late { 8 * HOUR + 40 } else { 7 * HOUR + 50 };
        day < SATURDAY && (from..16 * HOUR + 10).contains(&of_day)
    }

    fn has_power(&self, minute: i64) -> bool {
        let dark = at(THURSDAY, 9, 30)..at(THURSDAY, 11, 0);
        !([NASIK, PETALING].contains(&self.village) && dark.contains(&minute))
    }

    fn is_down(&self, minute: i64) -> bool {
        let within = |from, until| (from..until).contains(&minute);
        match self.village {
            NASIK | PETALING => within(at(WEDNESDAY, 10, 0), at(WEDNESDAY, 10, 40)),
            // The backlog of its cut: it measured that it was down and could not say so.
            SELIU => within(at(MONDAY, 12, 0), at(THURSDAY, 15, 0)),
            SRI_MENANTI | KUDAI => TOWER_IS_OFF.contains(&minute),
            SUNGAILIAT => {
                let comes_and_goes = within(at(WEDNESDAY, 9, 0), at(WEDNESDAY, 12, 0)) && minute % 15 < 10;
                comes_and_goes
                    || TOWER_IS_OFF.contains(&minute)
                    || within(at(MONDAY, 20, 0), at(MONDAY, 22, 0))
                    || within(at(TUESDAY, 10, 0), at(TUESDAY, 11, 0))
            }
            _ => false,
        }
    }

    /// Whether its pushes arrive. Others than Seliu have a second way to us.
    pub fn reaches_us(&self, minute: i64) -> bool {
        let cut = at(MONDAY, 12, 0)..at(THURSDAY, 15, 0);
        let is_cut = self.village == SELIU && cut.contains(&minute);
        !(is_cut || nobody_reaches_us(minute))
    }

    pub fn clock_offset_ms(&self, minute: i64) -> i64 {
        if self.village == MEMBALONG && minute >= at(TUESDAY, 0, 0) { -7_200_000 } else { 150 }
    }

    pub fn spool_mib(&self, minute: i64) -> u64 {
        let full = at(TUESDAY, 9, 0)..at(TUESDAY, 11, 0);
        match self.village {
            PERPAT if full.contains(&minute) => 30,
            // More than elsewhere is allowed, and little of what is allowed here.
            KUDAI => 40,
            _ => 1,
        }
    }

    pub fn spool_bound_mib(&self) -> u64 {
        if self.village == KUDAI { 256 } else { 32 }
    }

    pub fn spool_dropped(&self, minute: i64) -> u64 {
        if self.village == PERPAT && minute >= at(TUESDAY, 10, 0) { 60 } else { 0 }
    }

    pub fn disk_free_mib(&self, minute: i64) -> u64 {
        if self.village == KUDAI && minute >= at(WEDNESDAY, 8, 0) { 300 } else { 20_000 }
    }

    /// Megabytes that monitoring has used of this month.
    pub fn data_mib(&self, minute: i64) -> u64 {
        match self.village {
            // Nine tenths of what it may use are gone on Thursday at noon.
            MEMBALONG if minute >= at(THURSDAY, 12, 0) => 95,
            MEMBALONG => 80,
            _ => 12,
        }
    }

    pub fn allowance_mib(&self) -> Option<u32> {
        (self.village == MEMBALONG).then_some(100)
    }

    /// Whether this is the minute in which its agent reads the new plan and cannot use it.
    pub fn refuses_plan_at(&self, minute: i64) -> bool {
        self.village == PERPAT && minute == PLAN_IS_WRONG.start
    }

    pub fn has_right_plan(&self, minute: i64) -> bool {
        self.village != PERPAT || !PLAN_IS_WRONG.contains(&minute)
    }

    pub fn data_is_read_only(&self, minute: i64) -> bool {
        self.village == SRI_MENANTI && (at(THURSDAY, 8, 0)..at(THURSDAY, 10, 0)).contains(&minute)
    }
}

/// The collector runs and its own line is cut.
fn nobody_reaches_us(minute: i64) -> bool {
    (at(FRIDAY, 9, 0)..at(FRIDAY, 9, 37)).contains(&minute)
}

pub fn collector_is_away(minute: i64) -> bool {
    (at(THURSDAY, 17, 0)..at(THURSDAY, 17, 20)).contains(&minute)
}

pub fn collector_refuses(minute: i64) -> bool {
    (at(FRIDAY, 14, 0)..at(FRIDAY, 14, 40)).contains(&minute)
}

/// Out of 100,000.
pub fn collector_disk_mib(minute: i64) -> u64 {
    if minute >= at(SATURDAY, 0, 0) { 5_000 } else { 60_000 }
}

/// How long the first of what waits for the receiver of remote write has waited, minutes.
pub fn copy_lag(minute: i64) -> i64 {
    // Twice it is away: for three hours, which nobody needs to know, and for nine.
    let away = [at(TUESDAY, 1, 0)..at(TUESDAY, 4, 0), at(SATURDAY, 9, 0)..at(SATURDAY, 18, 0)];
    away.iter().find(|away| away.contains(&minute)).map_or(0, |away| minute - away.start)
}

/// From when until when offices were down together, and which, once their pushes have told.
pub fn fallen_together(minute: i64) -> Option<(Range<i64>, [&'static str; 3])> {
    let Range { start, end } = TOWER_IS_OFF;
    (minute >= start + 6).then_some((start..minute.min(end), [SUNGAILIAT, SRI_MENANTI, KUDAI]))
}

pub fn unreliable_since(village: &str) -> Option<i64> {
    (village == SELIU).then_some(at(FRIDAY, 0, 0))
}

pub fn lacks_power_since(village: &str) -> Option<i64> {
    (village == PERPAT).then_some(at(FRIDAY, 0, 0))
}

/// An alert that should fire once, not before `from` and not after `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expected {
    pub alert: &'static str,
    /// Of an office its code, of an island its name; nothing for the collector.
    pub place: &'static str,
    pub from: i64,
    pub until: i64,
    pub because: &'static str,
}

/// In the order of firing. Between a thing and its alert lie the alert's patience, five minutes between two
/// pushes, and a minute each for scrape and rule.
pub fn expected() -> Vec<Expected> {
    let alert = |alert, place, from: i64, slack: i64, because| Expected {
        alert,
        place,
        from,
        until: from + slack,
        because,
    };
    vec![
        alert("SuarPlanRefused", PERPAT, at(MONDAY, 9, 15), 12, "its agent cannot use a new plan"),
        alert("SuarSiteSilent", SELIU, at(MONDAY, 13, 0), 8, "its only link is cut from Monday noon on"),
        alert("SuarClockWrong", MEMBALONG, at(TUESDAY, 8, 20), 12, "its clock is two hours off"),
        alert("SuarSpoolNearlyFull", PERPAT, at(TUESDAY, 9, 30), 12, "its spool is nearly full"),
        alert("SuarSpoolDropping", PERPAT, at(TUESDAY, 10, 0), 12, "its spool drops records"),
        alert("SuarSiteDown", SUNGAILIAT, at(TUESDAY, 10, 15), 12, "its internet is down for an hour"),
        alert("SuarSharedOutage", "Pulau Bangka", at(TUESDAY, 19, 6), 12, "the tower of all three is off"),
        alert("SuarOfficeDiskFull", KUDAI, at(WEDNESDAY, 9, 0), 12, "its disk is full"),
        alert("SuarSiteUnstable", SUNGAILIAT, at(WEDNESDAY, 9, 40), 30, "its link comes and goes"),
        alert("SuarIslandDown", "Pulau Mendanau", at(WEDNESDAY, 10, 10), 12, "both offices are down"),
        alert("SuarSiteDown", NASIK, at(WEDNESDAY, 10, 15), 12, "both offices are down"),
        alert("SuarSiteDown", PETALING, at(WEDNESDAY, 10, 15), 12, "both offices are down"),
        alert("SuarAgentSilent", SELIU, at(WEDNESDAY, 12, 0), 8, "two working days without a word"),
        alert("SuarDiskReadOnly", SRI_MENANTI, at(THURSDAY, 8, 30), 12, "a disk takes no writes"),
        alert("SuarIslandSilent", "Pulau Mendanau", at(THURSDAY, 10, 5), 12, "the island has no power"),
        alert("SuarSiteSilent", NASIK, at(THURSDAY, 10, 25), 12, "the island has no power"),
        alert("SuarSiteSilent", PETALING, at(THURSDAY, 10, 25), 12, "the island has no power"),
        alert("SuarAllowanceNearlyUsed", MEMBALONG, at(THURSDAY, 13, 0), 12, "it used 95 of 100 MiB"),
        alert("SuarCollectorAway", "", at(THURSDAY, 17, 5), 3, "the collector is stopped for 20 minutes"),
        alert("SuarIslandUnreliable", "Pulau Seliuk", at(FRIDAY, 1, 0), 3, "its only office is unreliable"),
        alert("SuarSitePowerLimited", PERPAT, at(FRIDAY, 1, 0), 3, "power is what it lacks"),
        alert("SuarCollectorNotIngesting", "", at(FRIDAY, 9, 28), 12, "its own line is cut for 37 minutes"),
        alert("SuarCollectorRefusing", "", at(FRIDAY, 14, 15), 5, "pushes are answered 503 for 40 minutes"),
        alert("SuarCollectorDiskFull", "", at(SATURDAY, 1, 0), 3, "its disk is nearly full"),
        alert(
            "SuarRemoteCopyLagging",
            "",
            at(SATURDAY, 15, 15),
            12,
            "its copy's receiver is away since 9:00",
        ),
    ]
}
