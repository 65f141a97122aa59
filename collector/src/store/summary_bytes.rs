//! A day's summary as bytes. What sessions explain is not in it: that is laid over when it is read, so a
//! session record that arrives later changes no row. Field numbers are never used again.

use prost::Message;
use suar_wire::Verdict;
use suar_wire::bandwidth::{Direction, TestEnd};

use super::StoreError;
use crate::day::fields::{Fields, Value, small};
use crate::day::{DaySummary, HalfHours, Run, State, Test};

#[derive(Clone, PartialEq, Message)]
struct SummaryPb {
    /// Start (as the distance from the end of the run before), length, wire number of the verdict.
    #[prost(uint32, repeated, tag = "1")]
    runs: Vec<u32>,
    /// Messages of half hours, see `HalfHours`.
    #[prost(bytes = "vec", repeated, tag = "2")]
    blocks: Vec<Vec<u8>>,
    #[prost(uint32, tag = "3")]
    synced: u32,
    #[prost(uint32, tag = "4")]
    estimated: u32,
    #[prost(uint32, tag = "5")]
    bounded: u32,
    #[prost(uint32, tag = "6")]
    slot_seconds: u32,
    #[prost(message, repeated, tag = "7")]
    tests: Vec<TestPb>,
}

#[derive(Clone, PartialEq, Message)]
struct TestPb {
    #[prost(uint32, tag = "1")]
    second: u32,
    #[prost(uint32, tag = "2")]
    direction: u32,
    #[prost(uint32, tag = "3")]
    end: u32,
    #[prost(uint64, tag = "4")]
    rate_bps: u64,
    #[prost(uint64, tag = "5")]
    bytes: u64,
}

pub fn encode(summary: &DaySummary) -> Vec<u8> {
    let mut pb = SummaryPb {
        synced: summary.synced,
        estimated: summary.estimated,
        bounded: summary.bounded,
        slot_seconds: summary.slot_seconds,
        ..SummaryPb::default()
    };
    let mut end_s = 0;
    for run in &summary.runs {
        let verdict = match run.state {
            State::Up => Verdict::Up,
            State::Down(cause) => Verdict::Down(cause),
            State::Unobserved(_) => continue,
        };
        pb.runs.extend([run.start_s.saturating_sub(end_s), run.length_s, verdict.code()]);
        end_s = run.start_s + run.length_s;
    }
    pb.blocks = summary.blocks.messages().map(<[u8]>::to_vec).collect();
    pb.tests = summary.tests.iter().map(encode_test).collect();
    pb.encode_to_vec()
}

fn encode_test(test: &Test) -> TestPb {
    TestPb {
        second: test.second,
        direction: test.direction.code(),
        end: test.end.code(),
        rate_bps: test.rate_bps,
        bytes: test.bytes,
    }
}

/// Reads the fields straight into a summary, half hours as they are: with lists of their own for every half hour, a
/// report spent half of its time on memory that it threw away at once.
pub fn decode(bytes: &[u8]) -> Result<DaySummary, StoreError> {
    decoded(bytes).ok_or_else(|| StoreError::Damaged("a summary's columns do not fit together".to_owned()))
}

fn decoded(bytes: &[u8]) -> Option<DaySummary> {
    // Half hours are most of a summary; the length in front of each takes the place of its tag and length.
    let blocks = HalfHours::with_capacity(bytes.len());
    let mut summary = DaySummary { blocks, ..DaySummary::default() };
    let mut fields = Fields::of(bytes);
    while !fields.is_empty() {
        match fields.take_next()? {
            (1, Value::Bytes(runs)) => summary.runs = decoded_runs(runs)?,
            (2, Value::Bytes(block)) => summary.blocks.push(block)?,
            (3, Value::Number(number)) => summary.synced = u32::try_from(number).ok()?,
            (4, Value::Number(number)) => summary.estimated = u32::try_from(number).ok()?,
            (5, Value::Number(number)) => summary.bounded = u32::try_from(number).ok()?,
            (6, Value::Number(number)) => summary.slot_seconds = u32::try_from(number).ok()?,
            (7, Value::Bytes(test)) => summary.tests.push(decoded_test(test)?),
            (1..=7, _) => return None,
            _ => {}
        }
    }
    Some(summary)
}

fn decoded_runs(mut columns: &[u8]) -> Option<Vec<Run>> {
    let mut runs = Vec::new();
    let mut end_s = 0u32;
    while !columns.is_empty() {
        let (distance_s, length_s) = (small(&mut columns)?, small(&mut columns)?);
        let state = match Verdict::from_code(small(&mut columns)?)? {
            Verdict::Up => State::Up,
            Verdict::Down(cause) => State::Down(cause),
        };
        let start_s = end_s.checked_add(distance_s)?;
        end_s = start_s.checked_add(length_s)?;
        runs.push(Run { start_s, length_s, state });
    }
    Some(runs)
}

fn decoded_test(bytes: &[u8]) -> Option<Test> {
    let (mut second, mut rate_bps, mut bytes_spent) = (0, 0, 0);
    let (mut direction, mut end) = (None, None);
    let mut fields = Fields::of(bytes);
    while !fields.is_empty() {
        match fields.take_next()? {
            (1, Value::Number(number)) => second = u32::try_from(number).ok()?,
            (2, Value::Number(number)) => direction = Direction::from_code(u32::try_from(number).ok()?),
            (3, Value::Number(number)) => end = TestEnd::from_code(u32::try_from(number).ok()?),
            (4, Value::Number(number)) => rate_bps = number,
            (5, Value::Number(number)) => bytes_spent = number,
            (1..=5, _) => return None,
            _ => {}
        }
    }
    Some(Test { second, direction: direction?, end: end?, rate_bps, bytes: bytes_spent })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use suar_wire::Cause;

    use super::*;
    use crate::day::{Block, RttHistogram};

    fn any_summary() -> impl Strategy<Value = DaySummary> {
        let histogram = proptest::collection::btree_map(any::<u16>(), 1..u32::MAX, 0..20)
            .prop_map(|buckets| RttHistogram { buckets: buckets.into_iter().collect() });
        let block = (0..48u8, any::<[u32; 4]>(), histogram).prop_map(
            |(block, [sent, lost, late, duplicates], rtt)| Block { block, sent, lost, late, duplicates, rtt },
        );
        let run = (0..5_000u32, 1..5_000u32, 0..Cause::ALL.len() + 1);
        let runs = proptest::collection::vec(run, 0..9).prop_map(|parts| {
            let mut end_s = 0;
            let run = |(distance_s, length_s, state): (u32, u32, usize)| {
                let start_s = end_s + distance_s;
                end_s = start_s + length_s;
                let state = Cause::ALL.get(state).map_or(State::Up, |cause| State::Down(*cause));
                Run { start_s, length_s, state }
            };
            parts.into_iter().map(run).collect()
        });
        let test = (any::<u32>(), any::<bool>(), prop::sample::select(TestEnd::ALL), any::<[u64; 2]>());
        let test = test.prop_map(|(second, down, end, [rate_bps, bytes])| Test {
            second,
            direction: if down { Direction::Download } else { Direction::Upload },
            end,
            rate_bps,
            bytes,
        });
        let tests = proptest::collection::vec(test, 0..4);
        (runs, any::<[u32; 4]>(), proptest::collection::vec(block, 0..6), tests).prop_map(
            |(runs, [slot_seconds, synced, estimated, bounded], blocks, tests)| DaySummary {
                runs,
                slot_seconds,
                blocks: blocks.into_iter().collect(),
                synced,
                estimated,
                bounded,
                tests,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_every_cut_or_turned_byte_is_no_panic(
            summary in any_summary(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = encode(&summary);
            prop_assert_eq!(decode(&bytes).ok(), Some(summary));
            if !bytes.is_empty() {
                let _ = decode(&bytes[..at.index(bytes.len())]);
                let turned = at.index(bytes.len());
                bytes[turned] = byte;
                let _ = decode(&bytes);
            }
        }
    }

    #[test]
    fn a_field_of_a_later_version_is_passed_over() {
        let summary = DaySummary { synced: 7, slot_seconds: 60, ..DaySummary::default() };
        let mut bytes = encode(&summary);
        // Tags 9 to 12: a number, eight bytes, three bytes, four bytes.
        bytes.extend([9 << 3, 5]);
        bytes.extend([10 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([11 << 3 | 2, 3, 1, 2, 3]);
        bytes.extend([12 << 3 | 5, 0, 0, 0, 0]);
        assert_eq!(decode(&bytes).ok(), Some(summary));
    }
}
