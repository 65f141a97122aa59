//! `suar-lab`: simulated fleets and load for benchmarks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use suar_lab::against_fping;
use suar_lab::bandwidth;
use suar_lab::bench;
use suar_lab::dates::{Period, Quarter};
use suar_lab::faults::{returns, suite};
use suar_lab::fleet::Fleet;
use suar_lab::load::{self, Load};
use suar_lab::mixed_life;
use suar_lab::office_pictures;
use suar_lab::plain;
use suar_lab::seed::printed_seed;
use suar_lab::takers::Kind;
use suar_lab::week;
use suar_lab::world::wall_ms;
use suar_wire::SlotWidth;

/// Simulated fleets and load for benchmarks.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a simulated period into the store that `suar-collector init` made, and the truth beside it.
    Fleet {
        #[command(flatten)]
        fleet: FleetArguments,
        /// The running quarter, until this moment.
        #[arg(long, conflicts_with = "period")]
        so_far: bool,
        #[arg(long)]
        data: PathBuf,
    },
    /// Compare a JSON report of a simulated fleet with what plain, slow code counts from its truth.
    Compare {
        #[command(flatten)]
        fleet: FleetArguments,
        /// What `suar-collector report --format json` wrote about the whole period.
        #[arg(long)]
        report: PathBuf,
    },
    /// Push with durable receipts against a running collector on this machine; print pushes a second.
    Load {
        #[arg(long, default_value_t = 10_000)]
        pushes: u64,
        /// Agents, each on a connection of its own.
        #[arg(long, default_value_t = 64)]
        agents: usize,
        /// Rounds in one push.
        #[arg(long, default_value_t = 5)]
        records: u64,
        /// A code with at least as many uses: `suar-collector join-code SITE --uses N`.
        #[arg(long)]
        code: String,
    },
    /// What an agent costs by the standard profile: memory, processor, wake-ups, bytes on the line.
    Footprint {
        /// How long it is looked at, after its first receipt.
        #[arg(long, default_value_t = 300)]
        seconds: u64,
    },
    /// What other monitoring agents cost an office for as near the same work as they can do.
    Peers {
        /// How long they are looked at, after they have begun.
        #[arg(long, default_value_t = 300)]
        seconds: u64,
        /// Where their packages are unpacked.
        #[arg(long)]
        root: PathBuf,
    },
    /// Bandwidth tests over lines whose rate is known, iperf3 beside them; writes runs, tables and a picture.
    Bandwidth {
        /// Fewer lines, and without iperf3.
        #[arg(long)]
        short: bool,
        /// Tests of each line and direction after the first.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Lines at once.
        #[arg(long, default_value_t = 4)]
        at_once: u8,
        /// How long iperf3 sends; 0 leaves it out.
        #[arg(long, default_value_t = 10)]
        iperf_seconds: u32,
        /// Lines that mislead instead of the grid.
        #[arg(long)]
        cases: bool,
        /// Of these lines only those whose description has this in it.
        #[arg(long, requires = "cases")]
        only: Option<String>,
        /// Runs that were made before (JSON, one a line) instead of new ones; may stand several times.
        #[arg(long)]
        from: Vec<PathBuf>,
        /// Where `bandwidth.jsonl`, `bandwidth.md` and `bandwidth.svg` go, or `cases.json` and `cases.md`.
        #[arg(long)]
        out: PathBuf,
    },
    /// Pictures of terminals for the pages that offices read, as the programs speak now; root, for namespaces.
    Pictures {
        /// Where the SVG files go, e.g. docs/office.
        into: PathBuf,
    },
    /// A week in which known things happen, as series for `promtool test rules` with the alerts that should fire.
    Week {
        /// Only families that these rules name are told.
        #[arg(long)]
        rules: PathBuf,
    },
    /// Time and size of the metrics page of a live fleet, plain and packed.
    Scrape {
        #[arg(long, default_value_t = 400)]
        sites: usize,
    },
    /// Time of a scrape while a collector that this starts takes pushes.
    ScrapeUnderLoad {
        #[arg(long, default_value_t = 400)]
        sites: usize,
        #[arg(long, default_value_t = 280.0)]
        pushes_a_second: f64,
        #[arg(long, default_value_t = 1_000)]
        scrapes: usize,
        /// Milliseconds between the beginnings of two scrapes, where they are not slower.
        #[arg(long, default_value_t = 100)]
        every_ms: u64,
        /// Codes of regencies or other scopes, with commas: the scrapes ask for them in turn, as several jobs do.
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
    },
    /// What it costs to take the values of many offices: the collector, and Debian's VictoriaMetrics and Prometheus by
    /// remote write, one after the other.
    IngestBeside {
        /// How long each is looked at.
        #[arg(long, default_value_t = 75)]
        seconds: u64,
        #[arg(long, default_value_t = 280.0)]
        pushes_a_second: f64,
        /// They take turns; each has ten series.
        #[arg(long, default_value_t = 8_400)]
        offices: usize,
        /// On the disk that is to be written to.
        #[arg(long)]
        directory: PathBuf,
    },
    /// Break things on purpose and count what is lost or twice; `lab/faults.sh` runs the long form.
    Faults {
        /// Which faults; all when left out.
        #[arg(value_enum)]
        only: Vec<suite::Part>,
        /// As long as it takes to be sure, not as short as it has to be for every change.
        #[arg(long)]
        long: bool,
    },
    /// The fault "returns" as a benchmark: into the collector, VictoriaMetrics or Prometheus; prints the curve.
    Returns {
        #[arg(long, value_enum)]
        into: Kind,
        #[arg(long, default_value_t = 1_000)]
        agents: usize,
        /// How long each was away.
        #[arg(long, default_value_t = 30)]
        days: u64,
        #[arg(long, default_value_t = 60.0)]
        within_seconds: f64,
    },
    /// The agent's account of its bytes beside the kernel's over a mixed life; prints both, fails where they differ.
    Ledger {
        #[arg(long, default_value_t = 3600)]
        seconds: u64,
        /// Seconds of a slot; a push comes each five slots.
        #[arg(long, default_value_t = 5)]
        slot: u32,
        /// Thousandths that they may be apart.
        #[arg(long, default_value_t = 30)]
        off_permille: u64,
    },
    /// An agent beside fping over every line of the grid; prints a table, fails where they disagree.
    Truth {
        /// How long both measure; a multiple of ten, so that exact losses come out even.
        #[arg(long, default_value_t = 100)]
        seconds: u32,
    },
}

/// The same arguments are the same fleet.
#[derive(Debug, clap::Args)]
struct FleetArguments {
    #[arg(long, default_value_t = 400)]
    sites: usize,
    /// E.g. 2026-Q3, 2026-07 or 2026; the last complete quarter when left out.
    #[arg(long)]
    period: Option<Period>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds of a slot.
    #[arg(long, default_value_t = 60)]
    slot: u32,
}

impl FleetArguments {
    fn fleet(self) -> Result<Fleet> {
        let period = self.period.unwrap_or_else(|| Quarter::at(wall_ms()).before().into());
        let slot =
            SlotWidth::from_seconds(self.slot).context("a slot has 1 to 3600 seconds and divides a day")?;
        Ok(Fleet { sites: self.sites, period, slot, seed: self.seed, until_s: None })
    }
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Fleet { mut fleet, so_far, data } => {
            if so_far {
                fleet.period = Some(Quarter::at(wall_ms()).into());
            }
            let mut fleet = fleet.fleet()?;
            fleet.until_s = so_far.then(|| wall_ms().div_euclid(1_000));
            let started = Instant::now();
            let (truth, written) = fleet.write(&data)?;
            let file = data.join("truth.json");
            std::fs::write(&file, serde_json::to_vec(&truth)?).with_context(|| file.display().to_string())?;
            let result = serde_json::json!({
                "period": fleet.period.name, "sites": fleet.sites, "seed": fleet.seed,
                "pushes": written.pushes, "records": written.records,
                "seconds": started.elapsed().as_secs_f64(), "truth": file,
            });
            println!("{result}");
        }
        Command::Compare { fleet, report } => {
            let text = std::fs::read(&report).with_context(|| report.display().to_string())?;
            let outcome = plain::compare(&serde_json::from_slice(&text)?, &fleet.fleet()?)?;
            print!("{}", outcome.text());
            anyhow::ensure!(outcome.differences.is_empty(), "the report differs from the truth");
        }
        Command::Load { pushes, agents, records, code } => {
            let measured = load::run(&Load { pushes, agents, records_a_push: records }, &code)?;
            println!("{}", serde_json::to_string(&measured)?);
        }
        Command::Returns { into, agents, days, within_seconds } => {
            let returns = returns::Returns {
                into,
                agents,
                days,
                within_seconds,
                seed: printed_seed("returns"),
                resident_kib_max: u64::MAX,
                seen_seconds_max: None,
            };
            println!("{}", serde_json::to_string(&returns::run(&returns)?)?);
        }
        Command::Faults { only, long } => suite::run(&only, long)?,
        Command::Truth { seconds } => {
            let directory = tempfile::tempdir()?;
            let compared = against_fping::compare(&against_fping::grid(), seconds, directory.path())?;
            print!("{}", against_fping::table(&compared));
            let disagreements: Vec<String> = compared
                .iter()
                .flat_map(|cell| {
                    cell.disagreements().into_iter().map(move |what| format!("{:?}: {what}", cell.cell))
                })
                .collect();
            anyhow::ensure!(disagreements.is_empty(), "{}", disagreements.join("\n"));
        }
        Command::Bandwidth { cases: true, only, out, .. } => {
            let directory = tempfile::tempdir()?;
            let world = bandwidth::line_world(1)?;
            let mut lines = bandwidth::Lines::start(&world, directory.path())?;
            lines.start_iperf(directory.path())?;
            let findings =
                bandwidth::run_cases(&lines, &only.unwrap_or_default(), |finding| eprintln!("{finding:?}"))?;
            std::fs::write(out.join("cases.json"), serde_json::to_vec_pretty(&findings)?)?;
            let table = bandwidth::table_of_cases(&findings);
            std::fs::write(out.join("cases.md"), &table)?;
            print!("{table}");
        }
        Command::Bandwidth { short, runs, at_once, iperf_seconds, from, out, .. } => {
            let cells = if short { bandwidth::short_grid() } else { bandwidth::grid() };
            let iperf_seconds = Some(iperf_seconds).filter(|seconds| *seconds > 0 && !short);
            let work = bandwidth::Work { runs, iperf_seconds, at_once };
            let runs = if from.is_empty() { measure(&cells, work, &out)? } else { read_runs(&from)? };
            std::fs::write(out.join("bandwidth.svg"), bandwidth::picture(&runs))?;
            let table = bandwidth::table(&runs);
            std::fs::write(out.join("bandwidth.md"), &table)?;
            print!("{table}");
        }
        Command::Ledger { seconds, slot, off_permille } => {
            let directory = tempfile::tempdir()?;
            let accounts = mixed_life::long(directory.path(), Duration::from_secs(seconds), slot)?;
            println!("{}", serde_json::to_string(&accounts)?);
            let off = accounts.off_permille();
            anyhow::ensure!(off <= off_permille, "{off} of 1000 apart, at most {off_permille} are right");
        }
        Command::Pictures { into } => office_pictures::draw(&into)?,
        Command::Week { rules } => {
            let text = std::fs::read_to_string(&rules).with_context(|| rules.display().to_string())?;
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let wanted = words.filter(|word| word.starts_with("suar_")).map(str::to_owned).collect();
            println!("{}", serde_json::to_string(&week::live_through(&wanted)?)?);
        }
        Command::Scrape { sites } => {
            println!("{}", serde_json::to_string(&bench::scrape(sites)?)?);
        }
        Command::ScrapeUnderLoad { sites, pushes_a_second, scrapes, every_ms, scopes } => {
            let every = Duration::from_millis(every_ms);
            let load = bench::UnderLoad { sites, pushes_a_second, scrapes, every, scopes };
            println!("{}", serde_json::to_string(&bench::scrape_under_load(&load)?)?);
        }
        Command::IngestBeside { seconds, pushes_a_second, offices, directory } => {
            let beside = bench::Beside { seconds, pushes_a_second, offices };
            println!("{}", serde_json::to_string(&bench::beside(&beside, &directory)?)?);
        }
        Command::Peers { seconds, root } => {
            println!("{}", serde_json::to_string(&bench::peers(seconds, &root)?)?);
        }
        Command::Footprint { seconds } => {
            println!("{}", serde_json::to_string(&bench::agent_footprint(seconds)?)?);
        }
    }
    Ok(())
}

/// Each run is written as it ends: what is there when a grid is broken off is worth having.
fn measure(cells: &[bandwidth::Cell], work: bandwidth::Work, out: &Path) -> Result<Vec<bandwidth::Run>> {
    use std::io::Write;
    let directory = tempfile::tempdir()?;
    let told = std::sync::Mutex::new(std::fs::File::create(out.join("bandwidth.jsonl"))?);
    bandwidth::run(cells, work, directory.path(), |run| {
        let line = serde_json::to_string(run).expect("a run is plain JSON");
        let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = writeln!(told, "{line}") {
            eprintln!("a run is not written: {error}");
        }
    })
}

fn read_runs(files: &[PathBuf]) -> Result<Vec<bandwidth::Run>> {
    let mut runs = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        for line in text.lines() {
            runs.push(serde_json::from_str(line).with_context(|| format!("{}: {line}", file.display()))?);
        }
    }
    Ok(runs)
}
