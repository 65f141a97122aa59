//! Bandwidth tests over lines whose rate is known: a grid of them, iperf3 on the same lines beside it, and
//! lines that mislead.
//!
//! Agent and collector are real processes that talk over TLS; what a test cost is what the emulated line was
//! offered in both directions while it ran, lost packets and pings included.

mod cases;
mod iperf;
mod lines;
mod picture;
mod table;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use suar_wire::bandwidth::Direction;

pub use cases::{CASES, Case, Finding, run as run_cases, table as table_of_cases};
pub use iperf::Congestion;
pub use lines::{Lines, Tested, world as line_world};
pub use picture::picture;
pub use table::{Summary, table};

use crate::wan::{Conditions, Loss};

/// A queue as shaper boxes have it: at least this long, and a round trip on a longer line.
const QUEUE_MS_MIN: u64 = 200;
/// Packets that fit into every queue.
const QUEUE_BYTES_MIN: u64 = 15_000;

/// One line of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub kbps: u64,
    pub rtt_ms: u64,
    pub loss_percent: u32,
}

impl Cell {
    pub fn conditions(self) -> Conditions {
        let queue_ms = self.rtt_ms.max(QUEUE_MS_MIN);
        Conditions {
            rate_bps: Some(self.kbps * 1_000),
            queue_bytes_max: (self.kbps * queue_ms / 8).max(QUEUE_BYTES_MIN),
            delay: Duration::from_micros(self.rtt_ms * 500),
            loss: if self.loss_percent == 0 {
                Loss::None
            } else {
                Loss::Random(f64::from(self.loss_percent) / 100.0)
            },
            ..Conditions::default()
        }
    }

    /// What ten seconds at the line's rate are: what ndt7 sends in one direction.
    pub fn ten_seconds_bytes(self) -> u64 {
        self.kbps * 1_000 * 10 / 8
    }
}

pub const KBPS: [u64; 6] = [500, 1_000, 2_000, 5_000, 10_000, 20_000];
pub const RTT_MS: [u64; 4] = [20, 120, 300, 600];
pub const LOSS_PERCENT: [u32; 4] = [0, 1, 3, 5];

pub fn grid() -> Vec<Cell> {
    cells(&KBPS, &RTT_MS, &LOSS_PERCENT)
}

/// Its corners, for the daily run.
pub fn short_grid() -> Vec<Cell> {
    cells(&[500, 10_000], &[20, 600], &[0, 3])
}

fn cells(kbps: &[u64], rtt_ms: &[u64], loss_percent: &[u32]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &rtt_ms in rtt_ms {
        for &loss_percent in loss_percent {
            cells.extend(kbps.iter().map(|&kbps| Cell { kbps, rtt_ms, loss_percent }));
        }
    }
    cells
}

/// Who measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Our test where nothing is known of the line.
    SuarFirst,
    /// Our test after another.
    Suar,
    IperfCubic,
    IperfBbr,
}

/// One test of one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub cell: Cell,
    pub tool: Tool,
    pub direction: Direction,
    /// None: it came to no rate.
    pub rate_bps: Option<u64>,
    /// How our record says that it ended, and by which method.
    pub end: Option<String>,
    pub method: Option<String>,
    /// What the emulated line was offered, both directions.
    pub line_bytes: u64,
    pub elapsed_ms: u64,
}

impl Run {
    /// Relative to the line's rate.
    pub fn error(&self) -> Option<f64> {
        Some(self.rate_bps? as f64 / (self.cell.kbps * 1_000) as f64 - 1.0)
    }

    /// Relative to ten seconds at the line's rate.
    pub fn cost(&self) -> f64 {
        self.line_bytes as f64 / self.cell.ten_seconds_bytes() as f64
    }
}

/// What is done on each line.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Tests of each direction after the first.
    pub runs: usize,
    /// iperf3 too, and for how long.
    pub iperf_seconds: Option<u32>,
    /// Lines at once.
    pub at_once: u8,
}

/// Runs all cells; `tell` hears each run as it ends.
pub fn run(cells: &[Cell], work: Work, directory: &Path, tell: impl Fn(&Run) + Sync) -> Result<Vec<Run>> {
    let world = lines::world(work.at_once)?;
    let mut lines = Lines::start(&world, directory)?;
    if work.iperf_seconds.is_some() {
        lines.start_iperf(directory)?;
    }
    let todo = std::sync::Mutex::new(cells.iter().copied());
    let next = || todo.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..work.at_once)
            .map(|number| {
                let (lines, next, tell) = (&lines, &next, &tell);
                scope.spawn(move || -> Result<Vec<Run>> {
                    let mut runs = Vec::new();
                    while let Some(cell) = next() {
                        run_cell(lines, number, cell, work, |run| {
                            tell(&run);
                            runs.push(run);
                        })?;
                    }
                    Ok(runs)
                })
            })
            .collect();
        let mut runs = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(of_one) => runs.extend(of_one?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(runs)
    })
}

fn run_cell(lines: &Lines<'_>, number: u8, cell: Cell, work: Work, mut keep: impl FnMut(Run)) -> Result<()> {
    lines.set(number, &cell.conditions(), &cell.conditions())?;
    lines.forget(number)?;
    for &direction in Direction::ALL {
        for at in 0..=work.runs {
            let tested = lines.test(number, direction)?;
            keep(Run {
                cell,
                tool: if at == 0 { Tool::SuarFirst } else { Tool::Suar },
                direction,
                rate_bps: tested.record.rate_bps,
                end: Some(tested.record.end.label().to_owned()),
                method: tested.record.method.map(|method| method.label().to_owned()),
                line_bytes: tested.line_bytes,
                elapsed_ms: tested.elapsed_ms,
            });
        }
        let Some(seconds) = work.iperf_seconds else { continue };
        for (tool, congestion) in [(Tool::IperfCubic, Congestion::Cubic), (Tool::IperfBbr, Congestion::Bbr)] {
            let (rate_bps, line_bytes, elapsed_ms) = lines.iperf(number, direction, congestion, seconds)?;
            let (end, method) = (None, None);
            keep(Run { cell, tool, direction, rate_bps, end, method, line_bytes, elapsed_ms });
        }
    }
    Ok(())
}
