//! TIPHON's categories for delay and loss, as Indonesian papers take them from ETSI TR 101 329. For those who compare
//! with such papers: no standing ever depends on them.
//!
//! The papers leave open what lies between their figures. Here every band begins at its figure and ends before the
//! next one.

use serde::Serialize;

use super::ratio::Ratio;
use super::site::SiteCoverage;

/// Where the second, third and fourth category begin: milliseconds of the median round trip.
pub const TIPHON_DELAY_MS: [u32; 3] = [150, 300, 450];
/// And per cent of lost packets.
pub const TIPHON_LOSS_PERCENT: [u32; 3] = [3, 15, 25];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tiphon {
    VeryGood,
    Good,
    Fair,
    Poor,
}

/// An office's categories; `None` where the measure is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TiphonOf {
    pub delay: Option<Tiphon>,
    pub loss: Option<Tiphon>,
}

impl Tiphon {
    pub const ALL: [Self; 4] = [Self::VeryGood, Self::Good, Self::Fair, Self::Poor];

    /// The stable name, as in JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::VeryGood => "very_good",
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
        }
    }

    /// The category after as many edges as were reached.
    fn after(reached: [bool; 3]) -> Self {
        Self::ALL[reached.into_iter().filter(|reached| *reached).count()]
    }

    pub fn of_delay(rtt_us: u32) -> Self {
        Self::after(TIPHON_DELAY_MS.map(|edge| rtt_us >= edge * 1_000))
    }

    pub fn of_loss(loss: Ratio) -> Self {
        Self::after(TIPHON_LOSS_PERCENT.map(|edge| loss.at_least(f64::from(edge) / 100.0)))
    }
}

impl SiteCoverage {
    pub fn tiphon(&self) -> TiphonOf {
        TiphonOf { delay: self.rtt_median_us.map(Tiphon::of_delay), loss: self.loss.map(Tiphon::of_loss) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Tiphon::{Fair, Good, Poor, VeryGood};

    #[test]
    fn every_value_has_one_category_and_an_edge_belongs_to_the_worse() {
        let delays = [0, 149_999, 150_000, 299_999, 300_000, 449_999, 450_000, u32::MAX];
        let found = delays.map(Tiphon::of_delay);
        assert_eq!(found, [VeryGood, VeryGood, Good, Good, Fair, Fair, Poor, Poor]);
        let losses = [(0, 1), (29_999, 1_000_000), (3, 100), (149, 1_000), (15, 100), (1, 4), (1, 1)];
        let found = losses.map(|(lost, sent)| Tiphon::of_loss(Ratio::of(lost, sent).expect("sent")));
        assert_eq!(found, [VeryGood, VeryGood, Good, Good, Fair, Poor, Poor]);
    }
}
