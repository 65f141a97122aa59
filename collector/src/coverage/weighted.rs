//! Standings weighted by people: each regency's shares count as much as it has inhabitants.
//!
//! Population is known by regency only, so an office stands for its regency's average and not for its village.

use super::island::Counts;
use super::ratio::Ratio;

/// A share of a regency's offices is exact to a billionth.
const EXACT: u64 = 1_000_000_000;

/// Shares of the judged offices, weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighted {
    /// Inhabitants of the regencies with a judged office.
    pub population: u64,
    pub unreliable: Ratio,
    pub limited: Ratio,
    pub reliable: Ratio,
}

/// `None` when no regency has a judged office.
pub fn weighted(regencies: impl Iterator<Item = (u32, Counts)> + Clone) -> Option<Weighted> {
    let judged = regencies.filter(|(_, counts)| counts.judged > 0);
    let population: u64 = judged.clone().map(|(people, _)| u64::from(people)).sum();
    let share = |of: fn(&Counts) -> u32| {
        let part = judged.clone().map(|(people, counts)| {
            u64::from(people) * (u64::from(of(&counts)) * EXACT / u64::from(counts.judged))
        });
        Ratio::of(part.sum(), population * EXACT)
    };
    Some(Weighted {
        population,
        unreliable: share(|counts| counts.unreliable)?,
        limited: share(|counts| counts.limited)?,
        reliable: share(|counts| counts.reliable)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regency_counts_as_much_as_its_people_and_one_without_judged_offices_not_at_all() {
        let counts = |judged, unreliable| Counts {
            judged,
            unreliable,
            limited: judged - unreliable,
            ..Counts::default()
        };
        let regencies = [(300_000, counts(4, 1)), (100_000, counts(2, 2)), (900_000, counts(0, 0))];
        let weighted = weighted(regencies.into_iter()).expect("judged offices");
        assert_eq!(weighted.population, 400_000);
        // 0.25 of 300,000 and all of 100,000 are 175,000 of 400,000.
        assert_eq!(weighted.unreliable.percent_scaled(2), 4_375);
        assert_eq!(weighted.limited.percent_scaled(2), 5_625);
        assert_eq!(weighted.reliable.part, 0);
        assert_eq!(super::weighted([(5, counts(0, 0))].into_iter()), None);
    }
}
