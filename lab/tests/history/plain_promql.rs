//! The few words of PromQL that the questions use, said in plain code over lists of samples.

use std::collections::BTreeMap;

use super::truth::{Labels, Series};

pub const HOUR_S: i64 = 3_600;
const LOOKBACK_MS: i64 = 5 * 60_000;

/// An instant vector.
pub type Vector = BTreeMap<Labels, f64>;

/// The value that a graph shows at a moment.
pub fn at(series: &[Series], at_s: i64) -> Vector {
    let at_ms = at_s * 1000;
    let value = |series: &Series| {
        let seen = series.points.partition_point(|(ms, _)| *ms <= at_ms);
        let (seen_ms, value) = series.points[..seen].last()?;
        (*seen_ms > at_ms - LOOKBACK_MS).then_some(*value).flatten()
    };
    series.iter().filter_map(|series| Some((series.labels.clone(), value(series)?))).collect()
}

/// A function over the samples of the last `range_s` seconds, where there are any.
pub fn over(series: &[Series], at_s: i64, range_s: i64, function: impl Fn(&[f64]) -> f64) -> Vector {
    let range = (at_s - range_s) * 1000..=at_s * 1000;
    let mut vector = Vector::new();
    for series in series {
        let inside = series.points.iter().filter(|(ms, _)| range.contains(ms));
        let values: Vec<f64> = inside.filter_map(|(_, value)| *value).collect();
        if !values.is_empty() {
            vector.insert(series.labels.clone(), function(&values));
        }
    }
    vector
}

pub fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

pub fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

pub fn average(values: &[f64]) -> f64 {
    sum(values) / count(values)
}

pub fn min(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

pub fn last(values: &[f64]) -> f64 {
    values[values.len() - 1]
}

pub fn changes(values: &[f64]) -> f64 {
    values.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64
}

/// PromQL's quantile: between the two nearest ranks.
pub fn quantile(q: f64) -> impl Fn(&[f64]) -> f64 {
    move |values| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = q * (sorted.len() - 1) as f64;
        let low = rank.floor();
        let (below, above) = (sorted[low as usize], sorted[(low as usize + 1).min(sorted.len() - 1)]);
        below * (1.0 - (rank - low)) + above * (rank - low)
    }
}

/// `function by (labels) (vector)`.
pub fn by(vector: Vector, labels: &[&str], function: impl Fn(&[f64]) -> f64) -> Vector {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (all, value) in vector {
        let group = all.into_iter().filter(|(name, _)| labels.contains(&name.as_str())).collect();
        groups.entry(group).or_default().push(value);
    }
    groups.into_iter().map(|(labels, values)| (labels, function(&values))).collect()
}

/// Both sides where the labels but for the ignored ones are the same.
pub fn with(left: Vector, right: &Vector, ignoring: &[&str], function: impl Fn(f64, f64) -> f64) -> Vector {
    let without = |labels: &Labels| -> Labels {
        let kept = labels.iter().filter(|(name, _)| !ignoring.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let right: Vector = right.iter().map(|(labels, value)| (without(labels), *value)).collect();
    left.into_iter()
        .filter_map(|(labels, value)| {
            let labels = without(&labels);
            let other = *right.get(&labels)?;
            Some((labels, function(value, other)))
        })
        .collect()
}

pub fn where_label(series: Vec<Series>, label: &str, holds: impl Fn(&str) -> bool) -> Vec<Series> {
    let value = |series: &Series| series.labels.get(label).cloned().unwrap_or_default();
    series.into_iter().filter(|series| holds(&value(series))).collect()
}

pub fn where_value(vector: Vector, holds: impl Fn(f64) -> bool) -> Vector {
    vector.into_iter().filter(|(_, value)| holds(*value)).collect()
}
