//! The world of three offices, run once; what was done to it (the truth) and what came of it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_agent::spool;
use suar_lab::dates::Quarter;
use suar_lab::netns::can_run_here;
use suar_lab::programs::prometheus::Prometheus;
use suar_lab::programs::{Agent, Collector, JOINS_MAX, Kept, Machine, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, World, plan_section, until_wall_ms, wall_ms};
use suar_wire::{AgentId, Epoch, SlotWidth};

/// A whole state of all three offices comes within this, or the test fails with what was last seen.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Slots have a second here; nothing else is scaled.
const SLOT_MS: i64 = 1_000;
/// How many slots the cut, each stop of the collector, and each hole of an agent last.
pub const CUT_SLOTS: i64 = 12;
const COLLECTOR_AWAY_SLOTS: i64 = 6;
const AGENT_AWAY_SLOTS: i64 = 5;
/// The cut office's round must not start nearer than this to a border of its slot: then there is no
/// question which slot a packet belongs to.
const BORDER_MS: i64 = 80;

pub const MENDANAU: (&str, &str) = ("19.02.40114", "Pulau Mendanau");
pub const SELIU: (&str, &str) = ("19.02.40141", "Pulau Seliuk");

/// Which office, and what is done to its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Office {
    /// Selat Nasik on Mendanau: its agent is killed.
    Killed,
    /// Petaling on Mendanau: its agent is stopped in order.
    Stopped,
    /// Pulau Seliu: its uplink is cut; later its machine loses power.
    Cut,
}

impl Office {
    pub const ALL: [Self; 3] = [Self::Killed, Self::Stopped, Self::Cut];

    pub fn site(self) -> &'static str {
        match self {
            Self::Killed => "19.02.03.2001",
            Self::Stopped => "19.02.03.2002",
            Self::Cut => "19.02.02.2009",
        }
    }
}

/// What an agent's own disk says it wrote.
#[derive(Debug)]
pub struct Account {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub next_sequence: u64,
    pub pending: u64,
}

#[derive(Debug)]
pub struct Evidence {
    /// First slot of the cut.
    pub cut_from: i64,
    /// When the collector was away, wall-clock milliseconds, until it was ready again.
    pub collector_away: Vec<(i64, i64)>,
    /// When the agents were away.
    pub agents_away: (i64, i64),
    pub accounts: [Account; 3],
    pub kept: Vec<Kept>,
    pub metrics: String,
    pub metrics_type: String,
    pub islands: serde_json::Value,
    pub report: serde_json::Value,
    pub report_id: String,
    pub report_en: String,
    /// Every sample of `up`: wall-clock milliseconds and whether the scrape succeeded.
    pub scrapes: Vec<(i64, bool)>,
    /// Why some did not, as Prometheus logged it.
    pub scrape_failures: Vec<String>,
    /// Series that Prometheus found in the last scrape.
    pub scraped_series: f64,
}

impl Evidence {
    pub fn account(&self, office: Office) -> &Account {
        &self.accounts[office as usize]
    }

    pub fn kept_of(&self, office: Office) -> impl Iterator<Item = &Kept> {
        let agent = self.account(office).agent;
        self.kept.iter().filter(move |kept| kept.agent == agent)
    }
}

/// The evidence, made by whichever test asks first. `None` where it cannot be made, which was said.
pub fn evidence() -> Option<&'static Evidence> {
    static EVIDENCE: OnceLock<Option<Result<Evidence, String>>> = OnceLock::new();
    let made = EVIDENCE.get_or_init(|| {
        can_run_here("three offices over an emulated internet").then(|| {
            let directory = tempfile::tempdir().expect("a directory for the world");
            run_the_world(directory.path())
                .map_err(|error| format!("{error:#}\n{}", ends_of_logs(directory.path())))
        })
    });
    made.as_ref().map(|made| made.as_ref().unwrap_or_else(|error| panic!("the world did not run: {error}")))
}

fn run_the_world(directory: &Path) -> Result<Evidence> {
    let uplink = Conditions::delayed(Duration::from_millis(5));
    let world = World::with_offices(3, &uplink, printed_seed("three offices"))?;
    let address = format!("{COLLECTOR}:8443");
    let mut collector = Collector::init(Some(&world.internet), directory, &address, &configuration())?;
    for office in Office::ALL {
        collector.administer(&["site", "add", office.site(), "--hours", "always"])?.ok()?;
    }
    collector.serve()?;
    let prometheus = Prometheus::start(&world.internet, directory, &address, &collector.certificate(), &[])?;

    let mut agents = Vec::new();
    for (office, place) in Office::ALL.into_iter().zip(&world.offices) {
        let mut agent = Agent::new(Some(&place.pc), directory, office.site())?;
        if office == Office::Cut {
            agent.machine = Some(Machine::new(directory)?);
        }
        join_clear_of_borders(&collector, &agent, office)?;
        agent.run()?;
        agents.push(agent);
    }
    settle(&collector, &agents)?;

    let cut_from = next_slot(2);
    until_wall_ms(cut_from * SLOT_MS);
    world.offices[Office::Cut as usize].cut_uplink();
    until_wall_ms((cut_from + CUT_SLOTS) * SLOT_MS);
    world.offices[Office::Cut as usize].mend_uplink();
    settle(&collector, &agents)?;

    let mut collector_away = Vec::new();
    for killed in [false, true] {
        let from_ms = wall_ms();
        if killed {
            collector.kill()?
        } else {
            collector.stop()?
        }
        until_wall_ms(next_slot(COLLECTOR_AWAY_SLOTS) * SLOT_MS);
        collector.serve()?;
        collector_away.push((from_ms, wall_ms()));
        settle(&collector, &agents)?;
    }

    let away_from_ms = wall_ms();
    agents[Office::Killed as usize].kill()?;
    agents[Office::Cut as usize].kill()?;
    agents[Office::Stopped as usize].stop()?;
    until_wall_ms(next_slot(AGENT_AWAY_SLOTS) * SLOT_MS);
    let away_until_ms = wall_ms();
    agents[Office::Cut as usize].machine.as_mut().context("its machine")?.reboot()?;
    for agent in &mut agents {
        agent.run()?;
    }
    settle(&collector, &agents)?;
    for agent in &mut agents {
        agent.stop()?;
    }

    let accounts = [account(&agents[0])?, account(&agents[1])?, account(&agents[2])?];
    // The standing is computed now and then: wait for the one that knows of the cut.
    let (metrics, metrics_type) = wait_until("the standing of Pulau Seliuk", SETTLE_MAX, || {
        let answer = collector.get("/metrics").map_err(|error| format!("{error:#}"))?;
        let standing = island_standing(&answer.text(), SELIU.0);
        match standing.as_deref() {
            Some("unreliable") => Ok((answer.text(), answer.content_type)),
            other => Err(format!("{other:?}")),
        }
    })?;
    let period = Quarter::at(wall_ms()).to_string();
    let report = |format: &str, lang: &str| {
        let file = directory.join(format!("report-{lang}.{format}"));
        let out = file.display().to_string();
        collector
            .administer(&["report", "--period", &period, "--format", format, "--lang", lang, "--out", &out])?
            .ok()?;
        std::fs::read_to_string(&file).with_context(|| out)
    };
    let scraped = prometheus.query("scrape_samples_scraped")?;
    Ok(Evidence {
        cut_from,
        collector_away,
        agents_away: (away_from_ms, away_until_ms),
        accounts,
        kept: collector.records()?,
        metrics,
        metrics_type,
        islands: collector.get("/api/islands")?.json()?,
        report: serde_json::from_str(&report("json", "en")?)?,
        report_id: report("md", "id")?,
        report_en: report("md", "en")?,
        scrapes: scrapes(&prometheus)?,
        scrape_failures: prometheus.scrape_failures(),
        scraped_series: scraped.first().context("a scrape")?.1,
    })
}

fn configuration() -> String {
    let plan = plan_section(&format!(
        r#"slot_seconds = 1
dns_every = 1
online_url = "http://{COLLECTOR}:8444/v1/online"
online_every = 1
push_seconds = 2
health_seconds = 5"#
    ));
    format!(
        r#"
[readers]
addresses = ["203.0.113.0/24"]
{plan}
[coverage]
# A quarter of this test has one day, and of that day a minute.
observed_enough = 0.000001
days_enough_quarter = 1
days_enough_share = 0.000001
[store]
pack_seconds = 1
"#
    )
}

/// For the office that will be cut a moment in the slot is asked for that is clear of its borders.
fn join_clear_of_borders(collector: &Collector<'_>, agent: &Agent<'_>, office: Office) -> Result<()> {
    let code = collector.join_code(office.site(), &["--uses", &JOINS_MAX.to_string()])?;
    let suits = if office == Office::Cut { BORDER_MS..SLOT_MS - BORDER_MS } else { 0..SLOT_MS };
    agent.join_with_phase(&code, SlotWidth::from_seconds(1).context("a second divides a day")?, suits)
}

fn next_slot(ahead: i64) -> i64 {
    wall_ms() / SLOT_MS + ahead
}

/// Waits until every office was measured within the last three slots and nothing old waits to be sent.
fn settle(collector: &Collector<'_>, agents: &[Agent<'_>]) -> Result<()> {
    let since_ms = wall_ms();
    for (office, agent) in Office::ALL.into_iter().zip(agents) {
        wait_until(&format!("{} to be measured and sent", office.site()), SETTLE_MAX, || {
            let seen = |error: anyhow::Error| format!("{error:#}");
            let metrics = collector.get("/metrics").map_err(seen)?.text();
            let name = format!("suar_site_last_measured_timestamp_seconds{{site=\"{}\"}}", office.site());
            let measured_s: f64 = sample(&metrics, &name).ok_or("it was never measured")?;
            let status = agent.status().map_err(seen)?;
            let pending = status["spool"]["records_pending"].as_u64().ok_or_else(|| status.to_string())?;
            if measured_s * 1_000.0 < since_ms as f64 {
                return Err(format!("measured {measured_s}, waited since {since_ms} ms"));
            }
            // What the last push interval wrote may wait.
            if pending > 10 { Err(format!("{pending} records wait")) } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// The value of the sample whose name and labels are exactly these.
pub fn sample(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The standing of an island that is 1 on a page of metrics.
pub fn island_standing(metrics: &str, island: &str) -> Option<String> {
    let start = format!("suar_island_standing{{island=\"{island}\"");
    let line = metrics.lines().find(|line| line.starts_with(&start) && line.ends_with(" 1"))?;
    let (_, standing) = line
        .split_once("standing=\"")?
        .1
        .split_once("standing=\"")
        .or_else(|| line.split_once(",standing=\""))?;
    Some(standing.split('"').next()?.to_owned())
}

fn account(agent: &Agent<'_>) -> Result<Account> {
    let identity = agent.identity()?;
    let options = spool::Options { bytes_max: 32 * 1024 * 1024 };
    let (spool, opened) = spool::Spool::open(&agent.state().join("spool"), options, Epoch([0; 8]))?;
    anyhow::ensure!(opened.damaged_segments == 0, "a clean stop left damage: {opened:?}");
    Ok(Account {
        agent: identity.agent,
        epoch: spool.epoch(),
        next_sequence: spool.next_sequence(),
        pending: spool.stats().records_pending,
    })
}

fn scrapes(prometheus: &Prometheus<'_>) -> Result<Vec<(i64, bool)>> {
    let answer = prometheus.api("query", &[("query", "up[1h]")])?;
    let samples = answer["data"]["result"][0]["values"].as_array().context("samples of up")?;
    samples
        .iter()
        .map(|sample| {
            let at_s = sample[0].as_f64().context("the time of a sample")?;
            Ok(((at_s * 1_000.0) as i64, sample[1] == "1"))
        })
        .collect()
}

fn ends_of_logs(directory: &Path) -> String {
    const SHOWN_LINES: usize = 40;
    let mut logs: Vec<PathBuf> = Vec::new();
    for place in
        [directory.to_owned()].into_iter().chain(Office::ALL.map(|office| directory.join(office.site())))
    {
        let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
        logs.extend(
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "log")),
        );
    }
    let mut shown = String::new();
    for log in logs {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        shown.push_str(&format!("---- {}:\n{}\n", log.display(), last.join("\n")));
    }
    shown
}
