//! One office's life in a minute and a half: everything that can silence an agent or mislead it, in a row.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use suar_collector::day::{DAY_S, Day, Reason, State};
use suar_collector::store::Reader;
use suar_lab::programs::{Agent, Collector, JOINS_MAX, Machine, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, Office, World, plan_section, until_wall_ms, wall_ms};
use suar_wire::{Cause, SlotWidth};

use super::truth::{SLOT_MS, Truth, by_second};

const SITE: &str = "19.02.02.2009";
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// The agent looks this far into each slot: what is done at a slot's start is done before it looks.
const PHASE_MS: std::ops::Range<i64> = 260..480;
/// What is done to an office takes effect within this.
const EFFECT_MS: i64 = 200;
/// How long before a slot an agent is started or woken that is to look in it.
const HEAD_START_MS: i64 = 400;
/// A round without an answer is open for late replies this long, and lost with the power until it is over;
/// rounds after it wait for their turn.
const OPEN_MS: i64 = 6_000;
/// Slots that pass between two events, and that each lasts.
const CALM: i64 = 2;
const LASTS: i64 = 3;
const HOUR_MS: i64 = 3_600_000;
/// Whole seconds, so that the agent looks at the same moment of each second.
const TWENTY_YEARS_MS: i64 = 20 * 365 * 86_400_000;

const CUT: State = State::Down(Cause::Internet);

pub struct Account {
    pub truth: Truth,
    pub until_ms: i64,
    /// What the collector says of each second.
    pub said: BTreeMap<i64, State>,
    /// Every record that it keeps, for people.
    pub records: String,
}

pub fn live(directory: &Path) -> Result<Account> {
    let world =
        World::with_offices(1, &Conditions::delayed(Duration::from_millis(5)), printed_seed("one life"))?;
    let office = world.offices.first().context("one office was asked for")?;
    let mut collector = Collector::init(
        Some(&world.internet),
        directory,
        &format!("{COLLECTOR}:8443"),
        &plan_section("slot_seconds = 1\npush_seconds = 2"),
    )?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let mut agent = Agent::new(Some(&office.pc), directory, "agent")?;
    agent.machine = Some(Machine::new(directory)?);
    let systemd = Systemd::beside(directory)?;
    agent.environment.push(systemd.in_path()?);
    let code = collector.join_code(SITE, &["--uses", &JOINS_MAX.to_string()])?;
    let width = SlotWidth::from_seconds(1).context("a second divides a day")?;
    agent.join_with_phase(&code, width, PHASE_MS)?;

    let truth = Truth::new(agent.phase_ms(width)?);
    let mut life = Life { office, collector, agent, truth };
    life.wake_up(State::Up)?;
    life.calm();
    life.everything_happens(&systemd)?;
    life.end()
}

/// The office, and the truth of it as it is made.
struct Life<'w> {
    office: &'w Office,
    collector: Collector<'w>,
    agent: Agent<'w>,
    truth: Truth,
}

impl Life<'_> {
    fn everything_happens(&mut self, systemd: &Systemd) -> Result<()> {
        self.at_next_slot(CUT, |life| {
            life.office.cut_uplink();
            Ok(())
        })?;
        self.lasts();
        self.at_next_slot(State::Up, |life| {
            life.office.mend_uplink();
            Ok(())
        })?;
        until_wall_ms(wall_ms() + OPEN_MS);

        self.away(Reason::AgentDied, |life| life.agent.kill())?;
        self.away(Reason::AgentStopped, |life| life.agent.stop())?;
        self.away(Reason::PowerLost, |life| {
            life.agent.kill()?;
            life.machine()?.reboot()
        })?;
        self.away(Reason::PoweredOff, |life| {
            systemd.say("stopping")?;
            life.agent.stop()?;
            systemd.say("running")?;
            life.machine()?.reboot()
        })?;

        self.frozen(Reason::Asleep, |life, passed| life.machine()?.slept(passed))?;
        self.frozen(Reason::Starved, |_, _| Ok(()))?;
        self.pause_and_resume()?;

        for by_ms in [HOUR_MS, -HOUR_MS, TWENTY_YEARS_MS, -TWENTY_YEARS_MS] {
            self.at_next_slot(State::Up, |life| life.machine()?.step_wall(by_ms))?;
            self.lasts();
        }

        self.at_next_slot(State::Up, |life| life.collector.kill())?;
        self.lasts();
        self.collector.serve()?;
        self.calm();

        self.dead_clock_battery_behind_a_cut_line()?;
        self.boot_that_never_meets_the_collector()
    }

    /// The agent goes, and comes back on a good line.
    fn away(&mut self, reason: Reason, go: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.at_next_slot(State::Unobserved(reason), go)?;
        self.lasts();
        self.wake_up(State::Up)?;
        self.calm();
        Ok(())
    }

    fn frozen(&mut self, reason: Reason, thaw: impl FnOnce(&mut Self, Duration) -> Result<()>) -> Result<()> {
        let mut frozen_at = Instant::now();
        self.at_next_slot(State::Unobserved(reason), |life| {
            life.agent.process().context("the agent runs")?.freeze();
            frozen_at = Instant::now();
            Ok(())
        })?;
        self.lasts();
        self.before_next_slot(State::Up, |life| {
            thaw(life, frozen_at.elapsed())?;
            life.agent.process().context("the agent runs")?.thaw();
            Ok(())
        })?;
        self.calm();
        Ok(())
    }

    fn pause_and_resume(&mut self) -> Result<()> {
        self.at_next_slot(State::Unobserved(Reason::Paused), |life| {
            let said = life.agent.say(&["pause", "1m", "--lang", "en"])?.ok()?;
            anyhow::ensure!(said.contains("Paused"), "{said}");
            Ok(())
        })?;
        self.lasts();
        let said = self.agent.say(&["status", "--lang", "en"])?.ok()?;
        anyhow::ensure!(said.contains("PAUSED"), "{said}");
        self.before_next_slot(State::Up, |life| life.agent.say(&["resume"])?.ok().map(drop))?;
        self.calm();
        Ok(())
    }

    /// Power is lost, the machine comes up twenty years ago with the line cut; then the line returns, and
    /// then somebody sets the clock.
    fn dead_clock_battery_behind_a_cut_line(&mut self) -> Result<()> {
        self.at_next_slot(State::Unobserved(Reason::PowerLost), |life| {
            life.agent.kill()?;
            life.machine()?.reboot()?;
            life.machine()?.step_wall(-TWENTY_YEARS_MS)
        })?;
        self.office.cut_uplink();
        self.lasts();
        self.wake_up(CUT)?;
        self.lasts();
        self.at_next_slot(State::Up, |life| {
            life.office.mend_uplink();
            Ok(())
        })?;
        self.settled()?;
        self.calm();
        self.at_next_slot(State::Up, |life| life.machine()?.step_wall(TWENTY_YEARS_MS))?;
        self.lasts();
        Ok(())
    }

    /// Power comes and goes while the line is cut: one boot is over before it could send anything.
    fn boot_that_never_meets_the_collector(&mut self) -> Result<()> {
        for open_ms in [0, OPEN_MS] {
            self.at_next_slot(State::Unobserved(Reason::PowerLost), |life| {
                life.truth.doubt_last(open_ms);
                life.agent.kill()?;
                life.machine()?.reboot()
            })?;
            self.office.cut_uplink();
            self.lasts();
            self.wake_up(CUT)?;
            self.lasts();
            until_wall_ms(wall_ms() + OPEN_MS);
        }
        self.at_next_slot(State::Up, |life| {
            life.office.mend_uplink();
            Ok(())
        })
    }

    /// Waits for everything to arrive, and asks the collector what it knows.
    fn end(mut self) -> Result<Account> {
        let until_ms = self.settled()?;
        self.agent.stop()?;
        let reader = Reader::open(&self.collector.data())?;
        let today = Day::try_from(until_ms.div_euclid(1_000 * DAY_S)).context("a day")?;
        // A life around midnight has two days.
        let days = reader.day_summaries(self.agent.identity()?.agent, today - 1, today)?;
        let said =
            days.iter().flat_map(|(day, summary)| by_second(i64::from(*day) * DAY_S, summary)).collect();
        let records = self.collector.administer(&["dump-records", "--json"])?.ok()?;
        Ok(Account { truth: self.truth, until_ms, said, records })
    }

    /// Waits until every round that has begun by now is over and sent; returns when that was.
    fn settled(&self) -> Result<i64> {
        let now_ms = wall_ms();
        wait_until("everything to be sent", SETTLE_MAX, || {
            let status = self.agent.status().map_err(|error| format!("{error:#}"))?;
            let newest_ms = status["round"]["slot"]["index"].as_i64().map(|slot| slot * SLOT_MS);
            let pending = status["spool"]["records_pending"].as_u64();
            let sent = pending.is_some_and(|pending| pending <= 3);
            if newest_ms > Some(now_ms) && sent { Ok(()) } else { Err(status.to_string()) }
        })?;
        Ok(now_ms)
    }

    fn machine(&mut self) -> Result<&mut Machine> {
        self.agent.machine.as_mut().context("the agent has a machine of its own")
    }

    /// Starts the agent so that the next slot is its first.
    fn wake_up(&mut self, to: State) -> Result<()> {
        self.before_next_slot(to, |life| life.agent.run())
    }

    /// Does something at the start of the next slot, before the agent looks.
    fn at_next_slot(&mut self, to: State, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        until_wall_ms((wall_ms() / SLOT_MS + 1) * SLOT_MS);
        let begin_ms = wall_ms();
        self.truth.change(begin_ms, begin_ms + EFFECT_MS, to);
        act(self)
    }

    /// Does something after the agent's moment in a slot, to be done before that of the next.
    fn before_next_slot(&mut self, to: State, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        until_wall_ms((wall_ms() / SLOT_MS + 2) * SLOT_MS - HEAD_START_MS);
        let begin_ms = wall_ms();
        act(self)?;
        self.truth.change(begin_ms, wall_ms(), to);
        Ok(())
    }

    fn calm(&self) {
        until_wall_ms(wall_ms() + CALM * SLOT_MS);
    }

    fn lasts(&self) {
        until_wall_ms(wall_ms() + LASTS * SLOT_MS);
    }
}

/// A `systemctl` that says of the machine what it is told to.
struct Systemd {
    directory: PathBuf,
}

impl Systemd {
    fn beside(directory: &Path) -> Result<Self> {
        let systemd = Self { directory: directory.join("systemd") };
        std::fs::create_dir_all(&systemd.directory)?;
        let program = systemd.directory.join("systemctl");
        std::fs::write(&program, format!("#!/bin/sh\ncat {:?}\n", systemd.word()))?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        systemd.say("running")?;
        Ok(systemd)
    }

    fn word(&self) -> PathBuf {
        self.directory.join("word")
    }

    fn say(&self, word: &str) -> Result<()> {
        std::fs::write(self.word(), format!("{word}\n")).context("systemd's word")
    }

    /// `PATH` with this `systemctl` in front.
    fn in_path(&self) -> Result<(String, String)> {
        let path = std::env::var("PATH").context("PATH")?;
        Ok(("PATH".to_owned(), format!("{}:{path}", self.directory.display())))
    }
}
