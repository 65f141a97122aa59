//! The grid in figures.

use std::fmt::Write;

use suar_wire::bandwidth::Direction;

use super::{Cell, KBPS, LOSS_PERCENT, RTT_MS, Run, Tool};

/// A figure that is further off is wrong.
const OFF_MAX: f64 = 0.10;

/// What many runs of one tool come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub runs: usize,
    /// Share within 10 %; a run without a rate is not.
    pub within: f64,
    /// Share of all runs that were wrong and did not say so: the record says `measured`.
    pub wrong_unflagged: f64,
    pub cost_median: f64,
    pub cost_p95: f64,
    pub cost_max: f64,
}

impl Summary {
    /// `None` of no runs.
    pub fn of<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<Self> {
        let runs: Vec<&Run> = runs.collect();
        let is_right = |run: &&&Run| run.error().is_some_and(|error| error.abs() <= OFF_MAX);
        let count = |which: &dyn Fn(&&&Run) -> bool| runs.iter().filter(which).count() as f64;
        let costs = sorted(runs.iter().map(|run| run.cost()));
        let all = runs.len() as f64;
        let is_claimed = |run: &&&Run| run.rate_bps.is_some() && run.end.as_deref() != Some("unsteady");
        Some(Self {
            runs: runs.len(),
            within: count(&is_right) / all,
            wrong_unflagged: count(&|run| is_claimed(run) && !is_right(run)) / all,
            cost_median: quantile(&costs, 0.5)?,
            cost_p95: quantile(&costs, 0.95)?,
            cost_max: *costs.last()?,
        })
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Nearest rank.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * share).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

/// What a cell's runs of one tool and direction come to: the error that is furthest off, and the median cost.
pub fn worst(runs: &[Run], cell: Cell, direction: Direction, tools: &[Tool]) -> Option<(Option<f64>, f64)> {
    let of_cell = || {
        runs.iter()
            .filter(move |run| run.cell == cell && run.direction == direction && tools.contains(&run.tool))
    };
    let cost = quantile(&sorted(of_cell().map(Run::cost)), 0.5)?;
    let errors: Option<Vec<f64>> = of_cell().map(Run::error).collect();
    let worst = errors.and_then(|errors| errors.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())));
    Some((worst, cost))
}

/// Markdown: a summary by tool, and for each direction every line with its worst error and median cost.
pub fn table(runs: &[Run]) -> String {
    let mut text = String::from(
        "| tool | direction | runs | within 10 % | wrong and not flagged | cost: median | p95 | highest |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let tools = [
        (Tool::Suar, "Suar"),
        (Tool::SuarFirst, "Suar, first test of a line"),
        (Tool::IperfCubic, "iperf3, CUBIC"),
        (Tool::IperfBbr, "iperf3, BBR"),
    ];
    for (tool, name) in tools {
        for direction in Direction::ALL {
            let of_tool = runs.iter().filter(|run| run.tool == tool && run.direction == *direction);
            let Some(summary) = Summary::of(of_tool) else { continue };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {:.1} % | {:.1} % | {:.3} | {:.3} | {:.3} |",
                direction.label(),
                summary.runs,
                summary.within * 100.0,
                summary.wrong_unflagged * 100.0,
                summary.cost_median,
                summary.cost_p95,
                summary.cost_max,
            );
        }
    }
    for direction in Direction::ALL {
        text += &of_lines(runs, *direction);
    }
    text += &of_a_day(runs);
    text
}

/// Tests of each direction in a day, as the collector plans them by default, and working days of a month.
const TESTS_A_DAY: f64 = 4.0;
const DAYS_A_MONTH: f64 = 22.0;
/// An allowance as small offices have it; what is left to tests beside all other measuring.
const ALLOWANCE_MB: f64 = 300.0;
const OTHER_MB_A_MONTH: f64 = 20.0;

/// What an office's tests cost by the rate of its line: medians of all lines of that rate.
fn of_a_day(runs: &[Run]) -> String {
    let mut text = format!(
        "\nWhat {TESTS_A_DAY} tests of each direction cost an office, and how many a day {ALLOWANCE_MB} MB a month bear \
         beside {OTHER_MB_A_MONTH} MB for all other measuring\n\n\
         | line | a day | {DAYS_A_MONTH} working days | tests a day within {ALLOWANCE_MB} MB |\n|---|---|---|---|\n"
    );
    for kbps in KBPS {
        let median = |direction: Direction| {
            let of_rate =
                |run: &&Run| run.cell.kbps == kbps && run.direction == direction && run.tool == Tool::Suar;
            quantile(&sorted(runs.iter().filter(of_rate).map(|run| run.line_bytes as f64 / 1e6)), 0.5)
        };
        let Some((down_mb, up_mb)) = median(Direction::Download).zip(median(Direction::Upload)) else {
            continue;
        };
        let day_mb = TESTS_A_DAY * (down_mb + up_mb);
        let bears = (ALLOWANCE_MB - OTHER_MB_A_MONTH) / DAYS_A_MONTH / (down_mb + up_mb);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} Mbit/s | {day_mb:.1} MB | {:.0} MB | {bears:.1} |",
            kbps as f64 / 1_000.0,
            day_mb * DAYS_A_MONTH
        );
    }
    text
}

fn of_lines(runs: &[Run], direction: Direction) -> String {
    let rates: Vec<String> = KBPS.iter().map(|kbps| format!("{} Mbit/s", *kbps as f64 / 1_000.0)).collect();
    let mut text = format!(
        "\n{}: worst error of the runs after the first, and their median cost\n\n| round trip, loss | {} |\n|---|{}\n",
        match direction {
            Direction::Download => "Download",
            Direction::Upload => "Upload",
        },
        rates.join(" | "),
        "---|".repeat(rates.len())
    );
    for rtt_ms in RTT_MS {
        for loss_percent in LOSS_PERCENT {
            let cells = KBPS.map(|kbps| {
                let cell = Cell { kbps, rtt_ms, loss_percent };
                match worst(runs, cell, direction, &[Tool::Suar]) {
                    None => String::new(),
                    Some((None, cost)) => format!("no rate, {cost:.2}"),
                    Some((Some(error), cost)) => format!("{:+.1} %, {cost:.2}", error * 100.0),
                }
            });
            if cells.iter().any(|cell| !cell.is_empty()) {
                let _ = writeln!(text, "| {rtt_ms} ms, {loss_percent} % | {} |", cells.join(" | "));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rate_bps: Option<u64>, end: &str, line_bytes: u64) -> Run {
        Run {
            cell: Cell { kbps: 1_000, rtt_ms: 20, loss_percent: 0 },
            tool: Tool::Suar,
            direction: Direction::Upload,
            rate_bps,
            end: Some(end.to_owned()),
            method: None,
            line_bytes,
            elapsed_ms: 1,
        }
    }

    #[test]
    fn a_day_is_four_tests_of_both_directions_by_the_median() {
        let mut download = run(Some(1_000_000), "measured", 200_000);
        download.direction = Direction::Download;
        let runs = [download, run(Some(1_000_000), "measured", 300_000)];
        assert!(of_a_day(&runs).ends_with("| 1 Mbit/s | 2.0 MB | 44 MB | 25.5 |\n"), "{}", of_a_day(&runs));
    }

    #[test]
    fn runs_are_counted_as_right_wrong_and_flagged() {
        let runs = [
            run(Some(1_090_000), "measured", 125_000),
            run(Some(890_000), "measured", 250_000),
            run(Some(500_000), "unsteady", 125_000),
            run(None, "failed_broken_off", 375_000),
        ];
        let summary = Summary::of(runs.iter()).expect("four runs");
        assert_eq!((summary.runs, summary.within, summary.wrong_unflagged), (4, 0.25, 0.25));
        assert_eq!((summary.cost_median, summary.cost_max), (0.1, 0.3));
        let cell = runs[0].cell;
        assert_eq!(worst(&runs, cell, Direction::Upload, &[Tool::Suar]), Some((None, 0.1)));
        let (error, _) = worst(&runs[..2], cell, Direction::Upload, &[Tool::Suar]).expect("runs");
        assert!(error.is_some_and(|error| (error + 0.11).abs() < 1e-9), "{error:?}");
        assert!(table(&runs).contains("| 20 ms, 0 % |  | no rate, 0.10 |"), "{}", table(&runs));
    }
}
