//! Series being made: labels, samples in one of the two forms of an answer, and where slots leave off.

use super::xor::XorChunk;

/// Names and values in the order of names, the family's name first.
pub type Labels = Vec<(&'static str, String)>;

pub const NAME: &str = "__name__";

/// Prometheus' mark for "this series ends here": without it a query would see the last value for five more
/// minutes, and a hole of one slot would look measured.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// How samples are kept until they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Chunks,
}

impl Form {
    /// The stable word, in metric labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::Plain => "samples",
            Self::Chunks => "chunks",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    Plain(Vec<(i64, f64)>),
    /// Full chunks and the one being filled.
    Chunks(Vec<XorChunk>),
}

impl Samples {
    pub fn new(form: Form) -> Self {
        match form {
            Form::Plain => Self::Plain(Vec::new()),
            Form::Chunks => Self::Chunks(Vec::new()),
        }
    }

    fn last_ms(&self) -> Option<i64> {
        match self {
            Self::Plain(samples) => samples.last().map(|(at_ms, _)| *at_ms),
            Self::Chunks(chunks) => chunks.last().map(|chunk| chunk.span_ms().1),
        }
    }

    /// Keeps a sample that is newer than the last one; says whether it was.
    fn push(&mut self, at_ms: i64, value: f64) -> bool {
        if self.last_ms().is_some_and(|last_ms| last_ms >= at_ms) {
            return false;
        }
        match self {
            Self::Plain(samples) => samples.push((at_ms, value)),
            Self::Chunks(chunks) => match chunks.last_mut() {
                Some(open) if !open.is_full() => open.push(at_ms, value),
                _ => chunks.push(XorChunk::new(at_ms, value)),
            },
        }
        true
    }
}

/// One series of an answer.
#[derive(Debug, Clone)]
pub struct Series {
    pub samples: Samples,
    count: u64,
    /// End of what the last slot says something about.
    known_until_ms: Option<i64>,
}

impl Series {
    pub fn new(form: Form) -> Self {
        Self { samples: Samples::new(form), count: 0, known_until_ms: None }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// A value at a moment, which says nothing about the time after it.
    pub fn point(&mut self, at_ms: i64, value: f64) {
        self.count += u64::from(self.samples.push(at_ms, value));
    }

    /// A value that holds from `at_ms` until `until_ms`; what lies between two of them is unknown.
    pub fn slot(&mut self, at_ms: i64, until_ms: i64, value: f64) {
        self.end_before(at_ms);
        self.point(at_ms, value);
        self.known_until_ms = self.known_until_ms.max(Some(until_ms));
    }

    /// Ends the series where its last slot ends, when that is before `at_ms`. Ending it twice is nothing.
    pub fn end_before(&mut self, at_ms: i64) {
        if let Some(until_ms) = self.known_until_ms.filter(|until_ms| *until_ms < at_ms) {
            self.point(until_ms, STALE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_ends_a_series_and_the_end_of_the_range_does_not() {
        let mut series = Series::new(Form::Plain);
        for (at, until, value) in [(0, 60, 1.0), (60, 120, 1.0), (180, 240, 0.0)] {
            series.slot(at, until, value);
        }
        series.end_before(240);
        let Samples::Plain(samples) = &series.samples else { panic!("plain was asked for") };
        let shown: Vec<_> = samples.iter().map(|(at, value)| (*at, value.to_bits())).collect();
        let (up, down) = (1f64.to_bits(), 0f64.to_bits());
        assert_eq!(shown, [(0, up), (60, up), (120, STALE.to_bits()), (180, down)]);
        series.end_before(241);
        assert_eq!(series.count(), 5);
    }

    #[test]
    fn a_time_that_was_there_is_not_taken_twice_and_chunks_are_cut() {
        let mut series = Series::new(Form::Chunks);
        for at in 0..250 {
            series.point(at, 1.0);
            series.point(at, 2.0);
        }
        let Samples::Chunks(chunks) = &series.samples else { panic!("chunks were asked for") };
        assert_eq!(chunks.iter().map(XorChunk::count).collect::<Vec<_>>(), [120, 120, 10]);
        assert_eq!(series.count(), 250);
    }
}
