//! The course of a bandwidth test as a picture of characters.

use std::fmt::Write;

use crate::bandwidth::{Course, RoundSeen};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Cells of the longest bar of a round.
const BAR_CELLS: u64 = 40;

/// `sent`, `arrived`: the words before the bars of a round.
pub fn picture(course: &Course, sent: &str, arrived: &str) -> String {
    match course {
        Course::Nothing => String::new(),
        Course::Steps(steps) => bars(steps),
        Course::Rounds(rounds) => pairs(rounds, sent, arrived),
    }
}

/// One column for each step.
fn bars(steps: &[u64]) -> String {
    let Some(most) = steps.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let bar = |bps: &u64| BARS[(bps * (BARS.len() as u64 - 1)).div_ceil(most) as usize];
    format!("  {}  {} = {}\n", steps.iter().map(bar).collect::<String>(), BARS[7], mbps(most))
}

/// Two bars for each round.
fn pairs(rounds: &[RoundSeen], sent: &str, arrived: &str) -> String {
    let most = rounds.iter().flat_map(|round| [round.sent_bps, round.arrived_bps.unwrap_or(0)]).max();
    let most = most.unwrap_or(0).max(1);
    let width = sent.chars().count().max(arrived.chars().count());
    let mut picture = String::new();
    for round in rounds {
        for (word, bps, cell) in [(sent, Some(round.sent_bps), "░"), (arrived, round.arrived_bps, "█")] {
            let bar = cell.repeat((bps.unwrap_or(0) * BAR_CELLS).div_ceil(most) as usize);
            let figure = bps.map_or_else(|| "-".to_owned(), mbps);
            // Writing to a string cannot fail.
            let _ = writeln!(picture, "  {word:<width$} {bar} {figure}");
        }
    }
    picture
}

/// Megabits of 10^6 bits a second, as providers sell them.
pub fn mbps(bps: u64) -> String {
    let mbps = bps as f64 / 1e6;
    if mbps < 10.0 { format!("{mbps:.2} Mbit/s") } else { format!("{mbps:.1} Mbit/s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_rounds_are_drawn_to_their_largest() {
        let steps = Course::Steps(vec![0, 1_000_000, 2_000_000]);
        assert_eq!(picture(&steps, "", ""), "  ▁▅█  █ = 2.00 Mbit/s\n");
        assert_eq!(picture(&Course::Steps(vec![0]), "", ""), "");
        let rounds = Course::Rounds(vec![RoundSeen { sent_bps: 4_000_000, arrived_bps: Some(2_000_000) }]);
        let drawn = picture(&rounds, "sent", "arrived");
        assert_eq!(
            drawn,
            format!("  sent    {} 4.00 Mbit/s\n  arrived {} 2.00 Mbit/s\n", "░".repeat(40), "█".repeat(20))
        );
    }
}
