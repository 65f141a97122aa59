//! The agent on one simulated machine: the records it writes while it lives through its office's period.

use std::net::IpAddr;

use suar_wire::bandwidth::{Bandwidth, Direction, Method, TestEnd};
use suar_wire::push::Clock;
use suar_wire::record::{Dropped, Ending, Gap, Round, SessionEnd, SessionStart};
use suar_wire::{
    Body, BootId, Cause, Echo, EchoMethod, Epoch, Failure, Note, Outcome, Plan, Push, Record, Slot, Stamp,
    Verdict,
};

use super::life::{self, DAY_S, End, Office, Session};
use crate::seed::Random;

/// Most records in one simulated push; the wire takes 2,000.
const RECORDS_A_PUSH: usize = 1_800;
/// On a machine that is never off.
const TESTS_A_DAY: f64 = 6.0;
/// A machine is booted this long before its agent starts.
const BOOT_MS: i64 = 30_000;

/// Everything an agent sends in the period, oldest first, as it would send it: after each day and at the
/// end of each session. The second value is when the push arrives, ms since 1970.
pub fn pushes(office: &Office, which: usize, plan: &Plan) -> impl Iterator<Item = (Push, i64)> + use<> {
    let random = Random::from_seed(office.pcs[which].seed);
    let mut agent = Agent {
        office: office.clone(),
        which,
        plan: plan.clone(),
        session: 0,
        slot: None,
        sequence: 0,
        boot: BootId([0; 16]),
        booted_ms: 0,
        last: None,
        lost_from: None,
        records: Vec::new(),
        random,
    };
    std::iter::from_fn(move || agent.next_push())
}

struct Agent {
    office: Office,
    which: usize,
    plan: Plan,
    /// Which session, and the next slot in it; `None` before its first record.
    session: usize,
    slot: Option<i64>,
    sequence: u64,
    boot: BootId,
    booted_ms: i64,
    last: Option<Stamp>,
    /// First sequence of what the spool is losing right now.
    lost_from: Option<u64>,
    records: Vec<Record>,
    random: Random,
}

impl Agent {
    fn next_push(&mut self) -> Option<(Push, i64)> {
        let session = *self.office.pcs[self.which].sessions.get(self.session)?;
        let width_s = i64::from(self.plan.slot_seconds.seconds());
        let mut slot = match self.slot {
            Some(slot) => slot,
            None => {
                self.start(session);
                session.span.first_slot(width_s)
            }
        };
        let last_slot = session.span.until_s.div_euclid(width_s);
        let day_end = ((slot * width_s).div_euclid(DAY_S) + 1) * DAY_S / width_s;
        while slot < last_slot.min(day_end) && self.records.len() < RECORDS_A_PUSH {
            self.live(slot, width_s);
            slot += 1;
        }
        self.slot = Some(slot);
        if slot >= last_slot {
            self.end(session);
        }
        let stamp = self.last?;
        let sent_ms = self.booted_ms + i64::try_from(stamp.boot_ms).unwrap_or(0);
        let push = Push {
            agent: self.office.pcs[self.which].agent,
            epoch: Epoch([1; 8]),
            plan_version: self.plan.version,
            clock: Clock {
                boot: stamp.boot,
                boot_ms: stamp.boot_ms,
                wall_ms: stamp.wall_ms,
                last_exchange_ms: Some(self.office.base_rtt_us / 1_000),
            },
            records: std::mem::take(&mut self.records),
        };
        Some((push, sent_ms))
    }

    fn start(&mut self, session: Session) {
        let before = self.session.checked_sub(1).map(|at| self.office.pcs[self.which].sessions[at].end);
        let machine_ran_on = matches!(before, Some(End::Stopped | End::Died));
        if !machine_ran_on {
            let mut boot = [0; 16];
            boot[..8].copy_from_slice(&self.random.next_u64().to_be_bytes());
            self.boot = BootId(boot);
            self.booted_ms = session.span.from_s * 1_000 - BOOT_MS;
        }
        let previous_ended = match before {
            None => Ending::None,
            Some(End::ShutDown) => Ending::OsShutdown,
            Some(End::Stopped) => Ending::Clean,
            Some(End::PowerCut | End::Died) => Ending::Abrupt,
        };
        let start = SessionStart {
            agent_version: "0.1.0".to_owned(),
            system: "linux x86_64".to_owned(),
            previous_ended,
            previous_last: self.last,
        };
        self.record(session.span.from_s * 1_000, Body::SessionStart(start));
    }

    fn end(&mut self, session: Session) {
        let ending = match session.end {
            End::ShutDown => Some(Ending::OsShutdown),
            End::Stopped => Some(Ending::Clean),
            End::PowerCut | End::Died => None,
        };
        if let Some(ending) = ending {
            self.record(session.span.until_s * 1_000, Body::SessionEnd(SessionEnd { ending }));
        }
        self.session += 1;
        self.slot = None;
    }

    /// What there is to write down about one slot, at seven seconds into it.
    fn live(&mut self, slot: i64, width_s: i64) {
        let pc = &self.office.pcs[self.which];
        let start_s = slot * width_s;
        let at_ms = start_s * 1_000 + 7_000.min(width_s * 300);
        if pc.gaps.iter().any(|(gap, _)| gap.holds(start_s)) {
            return;
        }
        // The first slot after a gap: the agent tells of it before it looks again.
        let ended = pc.gaps.iter().find(|(gap, _)| (start_s - width_s..start_s).contains(&(gap.until_s - 1)));
        if let Some((gap, why)) = ended.copied() {
            let from_boot_ms = (gap.from_s * 1_000 - self.booted_ms).unsigned_abs();
            let body = Body::Gap(Gap { reason: why.reason(), from_boot_ms });
            self.record(gap.until_s * 1_000, body);
        }
        let losing = self.office.pcs[self.which].lost.iter().any(|lost| lost.holds(start_s));
        let round = self.round(slot, at_ms);
        if losing {
            self.sequence += 1;
            self.lost_from.get_or_insert(self.sequence);
            return;
        }
        let lost = self.lost_from.take().map(|first| Dropped { first, last: self.sequence });
        self.record(at_ms, Body::Round(round));
        if let Some(lost) = lost {
            self.record(at_ms + 100, Body::Dropped(lost));
        }
        self.tests(start_s, at_ms, width_s);
    }

    /// Now and then the line is tested in both directions, in the same slot as a round. Not every test comes to
    /// something, and what it finds is near the line's rate, not on it.
    fn tests(&mut self, start_s: i64, at_ms: i64, width_s: i64) {
        let Some(line) = self.office.line else { return };
        if !self.random.chance(TESTS_A_DAY * width_s as f64 / DAY_S as f64) {
            return;
        }
        let down = seen(&self.office, &self.office.pcs[self.which], start_s).is_some();
        let tests =
            [(Direction::Download, line.download_bps, 200), (Direction::Upload, line.upload_bps, 300)];
        for (direction, line_bps, after_ms) in tests {
            let end = match self.random.below(20) {
                _ if down => TestEnd::SkippedLinkDown,
                0 => TestEnd::SkippedCrossTraffic,
                1 => TestEnd::FailedBrokenOff,
                2..=3 => TestEnd::Unsteady,
                _ => TestEnd::Measured,
            };
            let mut test = Bandwidth::without_rate(direction, end);
            if end.is_measured() {
                test.method = Some(Method::Tcp);
                test.rate_bps = Some(line_bps * (70 + self.random.below(50)) / 100);
                test.bytes = line_bps / 16;
                test.elapsed_ms = 500;
            }
            self.record(at_ms + after_ms, Body::Bandwidth(test));
        }
    }

    fn record(&mut self, at_ms: i64, body: Body) {
        self.sequence += 1;
        let wall_ms = at_ms + self.office.pcs[self.which].clock_off_s * 1_000;
        let boot_ms = (at_ms - self.booted_ms).unsigned_abs();
        let stamp = Stamp { boot: self.boot, boot_ms, wall_ms };
        self.last = Some(stamp);
        self.records.push(Record { sequence: self.sequence, stamp, body });
    }

    fn round(&mut self, slot: i64, at_ms: i64) -> Round {
        let width = self.plan.slot_seconds;
        let at_s = slot * i64::from(width.seconds());
        let pc = &self.office.pcs[self.which];
        let cause = seen(&self.office, pc, at_s);
        let answered = matches!(cause, None | Some(Cause::Dns));
        let loss = self.office.loss_at(at_s);
        let base_rtt_us = self.office.base_rtt_us;
        let random = &mut self.random;
        let mut echo = |target: &IpAddr| {
            let arrives = answered && !random.chance(loss);
            let rtt_us = base_rtt_us + random.below(u64::from(base_rtt_us) / 4 + 500) as u32;
            Echo {
                target: *target,
                method: EchoMethod::Icmp,
                sent: 1,
                late: 0,
                duplicates: 0,
                error: None,
                rtt_us: if arrives { vec![rtt_us] } else { Vec::new() },
            }
        };
        let echoes: Vec<Echo> = self.plan.targets.iter().map(&mut echo).collect();
        // A round in which every echo was lost by chance is judged by its confirmation, which arrived.
        let ok = Outcome::Ok { elapsed_us: base_rtt_us + 2_000 };
        let failed = Outcome::Failed(Failure::Timeout);
        let gateway = if matches!(cause, Some(Cause::Gateway | Cause::NoNetwork)) {
            failed
        } else {
            Outcome::Ok { elapsed_us: 900 }
        };
        // The agent counts slots by its own clock.
        let claimed: Slot = width.slot_at(at_ms + pc.clock_off_s * 1_000);
        Round {
            slot: claimed,
            verdict: cause.map_or(Verdict::Up, Verdict::Down),
            note: Note::None,
            gateway,
            dns: if cause.is_none() { ok } else { failed },
            dns_public: if answered { ok } else { failed },
            online: Outcome::NotSent,
            collector: Outcome::NotSent,
            echoes,
        }
    }
}

/// Why the link is down for this machine at a moment, if it is.
pub fn seen(office: &Office, pc: &life::Pc, second: i64) -> Option<Cause> {
    if pc.unplugged.iter().any(|out| out.holds(second)) {
        return Some(Cause::NoNetwork);
    }
    office.cause_at(second)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use suar_wire::{AgentId, SlotWidth};

    use super::super::life::{Stretch, WIB_S};
    use super::*;

    fn offices() -> impl Iterator<Item = Office> {
        (0..60).map(|number| {
            let mut agents = (0..).map(|at| AgentId([number + 100 * at; 16]));
            let window = Stretch { from_s: 20_000 * DAY_S - WIB_S, until_s: 20_014 * DAY_S - WIB_S };
            let (code, none) = (format!("S{number}"), BTreeSet::new());
            Office::simulate(code, String::new(), &mut agents, window, &none, u64::from(number))
        })
    }

    #[test]
    fn an_agent_writes_each_sequence_once_and_looks_only_while_it_runs() {
        let plan = Plan { slot_seconds: SlotWidth::from_seconds(300).expect("a width"), ..Plan::standard() };
        let (mut slots_seen, mut dropped) = (0, 0);
        for office in offices() {
            for (which, pc) in office.pcs.iter().enumerate() {
                let records: Vec<Record> =
                    pushes(&office, which, &plan).flat_map(|(push, _)| push.records).collect();
                let mut sequences = BTreeSet::new();
                let mut slots = BTreeSet::new();
                for record in &records {
                    assert!(sequences.insert(record.sequence), "sequence {} twice", record.sequence);
                    if let Body::Dropped(lost) = &record.body {
                        dropped += 1;
                        sequences.extend(lost.first..=lost.last);
                    }
                    let Body::Round(round) = &record.body else { continue };
                    let at_s = (record.stamp.wall_ms / 1_000 - pc.clock_off_s).div_euclid(300) * 300;
                    assert!(slots.insert(at_s), "slot {at_s} twice");
                    assert!(pc.sessions.iter().any(|session| session.span.holds(at_s)), "measured while off");
                    assert!(!pc.gaps.iter().any(|(gap, _)| gap.holds(at_s)), "measured while asleep");
                    assert_eq!(round.verdict.cause(), seen(&office, pc, at_s));
                }
                let last = sequences.len() as u64;
                assert_eq!(sequences.last().copied().unwrap_or(0), last, "no sequence is missing");
                slots_seen += slots.len();
            }
        }
        assert!(slots_seen > 20_000 && dropped > 0, "{slots_seen} slots, {dropped} losses");
    }

    #[test]
    fn no_push_is_larger_than_the_wire_takes() {
        for office in offices().take(8) {
            for which in 0..office.pcs.len() {
                for (push, _) in pushes(&office, which, &Plan::standard()) {
                    assert!(push.records.len() <= suar_wire::push::RECORDS_MAX);
                    assert_eq!(Push::decode(&push.encode()).expect("it decodes"), push);
                }
            }
        }
    }
}
