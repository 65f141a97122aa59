//! The interval of an availability, drawn once more: whole days, a thousand times, from a seed that the site
//! and the period give.

use crate::seed::Random;

const DAYS_MIN: usize = 14;
const DRAWS: usize = 1_000;

/// (up, seen) seconds.
pub type Share = (u64, u64);

/// `days` are those with anything seen, in order.
pub fn interval(days: &[Share], site: &str, start_s: i64, end_s: i64) -> Option<(Share, Share)> {
    if days.len() < DAYS_MIN {
        return None;
    }
    if days.iter().all(|(up, seen)| up == seen) {
        return Some(((1, 1), (1, 1)));
    }
    let mut random = Random::from_seed(seed(site, start_s, end_s));
    let mut drawn: Vec<Share> = (0..DRAWS)
        .map(|_| {
            let picked = (0..days.len()).map(|_| days[random.below(days.len() as u64) as usize]);
            picked.fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1))
        })
        .collect();
    // a/b before c/d when a*d < c*b.
    drawn.sort_by(|a, b| (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1))));
    Some((drawn[25], drawn[974]))
}

/// FNV-1a over the site's code, a zero, and both ends as little-endian numbers.
fn seed(site: &str, start_s: i64, end_s: i64) -> u64 {
    let mut bytes = site.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend(start_s.to_le_bytes());
    bytes.extend(end_s.to_le_bytes());
    bytes.iter().fold(14_695_981_039_346_656_037, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
    })
}
