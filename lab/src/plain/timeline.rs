//! What every agent of an office saw, second by second, and what that is together.

use suar_wire::Cause;

use crate::fleet::life::{End, Gap, Office, Stretch};
use crate::fleet::pc::seen;

/// What is known of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Up,
    Down(Cause),
    /// Nobody looked, and why.
    Hole(&'static str),
}

pub const NOT_YET_KNOWN: &str = "not_yet_known";
pub const RECORDS_LOST: &str = "records_lost";

/// What says most about the office comes first.
const BEST_KNOWN_FIRST: [&str; 9] = [
    "power_lost",
    "powered_off",
    "asleep",
    "paused",
    "agent_stopped",
    "starved",
    "agent_died",
    RECORDS_LOST,
    NOT_YET_KNOWN,
];

/// Every second of the window.
pub fn seconds(office: &Office, width_s: i64, window: Stretch) -> Vec<Known> {
    let agents: Vec<Vec<Known>> =
        (0..office.pcs.len()).map(|which| of_agent(office, which, width_s, window)).collect();
    if agents.len() == 1 {
        return agents.into_iter().next().unwrap_or_default();
    }
    let length = (window.until_s - window.from_s) as usize;
    (0..length).map(|second| together(agents.iter().map(|agent| agent[second]))).collect()
}

fn of_agent(office: &Office, which: usize, width_s: i64, window: Stretch) -> Vec<Known> {
    let pc = &office.pcs[which];
    let length = (window.until_s - window.from_s) as usize;
    let mut known = vec![Known::Hole(NOT_YET_KNOWN); length];
    let mut paint = |from_s: i64, until_s: i64, what: Known| {
        let at = |second: i64| (second - window.from_s).clamp(0, length as i64) as usize;
        known[at(from_s)..at(until_s)].fill(what);
    };
    for (at, session) in pc.sessions.iter().enumerate() {
        // A slot counts when the agent ran from its start to its end, for what was at its start.
        let first = session.span.first_slot(width_s);
        let last = session.span.until_s.div_euclid(width_s);
        for slot in first..last {
            let start_s = slot * width_s;
            let gap = pc.gaps.iter().find(|(gap, _)| gap.holds(start_s)).map(|(_, why)| *why);
            let what = match gap {
                Some(why) => Known::Hole(gap_label(why)),
                None if pc.lost.iter().any(|lost| lost.holds(start_s)) => Known::Hole(RECORDS_LOST),
                None => seen(office, pc, start_s).map_or(Known::Up, Known::Down),
            };
            paint(start_s, start_s + width_s, what);
        }
        if let Some(next) = pc.sessions.get(at + 1) {
            let again_s = next.span.first_slot(width_s) * width_s;
            paint(last * width_s, again_s, Known::Hole(end_label(session.end)));
        }
    }
    known
}

fn gap_label(gap: Gap) -> &'static str {
    match gap {
        Gap::Asleep => "asleep",
        Gap::Paused => "paused",
        Gap::Starved => "starved",
    }
}

fn end_label(end: End) -> &'static str {
    match end {
        End::ShutDown => "powered_off",
        End::PowerCut => "power_lost",
        End::Stopped => "agent_stopped",
        End::Died => "agent_died",
    }
}

fn together(seen: impl Iterator<Item = Known>) -> Known {
    let all: Vec<Known> = seen.collect();
    if all.contains(&Known::Up) {
        return Known::Up;
    }
    // The cause that most saw; of as many, the one further out.
    let saw = |cause: Cause| all.iter().filter(|known| **known == Known::Down(cause)).count();
    let mut most = (0, None);
    for cause in Cause::ALL {
        if saw(cause) > 0 && saw(cause) >= most.0 {
            most = (saw(cause), Some(cause));
        }
    }
    if let (_, Some(cause)) = most {
        return Known::Down(cause);
    }
    let hole = BEST_KNOWN_FIRST.into_iter().find(|why| all.contains(&Known::Hole(why)));
    Known::Hole(hole.unwrap_or(NOT_YET_KNOWN))
}
