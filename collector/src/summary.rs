//! What is made of an agent's day: its records become states by second and statistics in half hours.
//! Pure. [`measured`] reads records; [`explain`] lays over it what sessions said about the holes.

pub mod explain;

use crate::clock::Quality;
use crate::day::{BLOCK_SECONDS, Block, DaySummary, Run, State, Test};
use crate::store::StoredRecord;
use suar_wire::record::Round;
use suar_wire::slot::SECONDS_A_DAY;
use suar_wire::{Body, Echo, EchoMethod, Note, Verdict};

pub use explain::{Explanation, explain};

/// The summary of one agent's records of one UTC day, in any order. Seconds without a round are left out.
pub fn measured(records: &[StoredRecord]) -> DaySummary {
    let mut rounds: Vec<_> = records
        .iter()
        .filter_map(|stored| match &stored.record.body {
            Body::Round(round) => Some((stored, round)),
            _ => None,
        })
        .collect();
    // Where widths overlap after a change of plan, the narrower round knows more about its seconds.
    rounds.sort_by_key(|(stored, round)| {
        (round.slot.width, stored.at_ms, stored.epoch, stored.record.sequence)
    });
    let mut seconds: Vec<Option<Verdict>> = vec![None; SECONDS_A_DAY as usize];
    let mut summary = DaySummary::default();
    let mut blocks: Vec<Option<Block>> = vec![None; crate::day::BLOCKS_A_DAY];
    for (stored, round) in rounds {
        let slot = round.slot.width.slot_at(stored.at_ms);
        let start_s = slot.start_s().rem_euclid(i64::from(SECONDS_A_DAY)) as usize;
        let end_s = (start_s + round.slot.width.seconds() as usize).min(seconds.len());
        for second in &mut seconds[start_s..end_s] {
            second.get_or_insert(round.verdict);
        }
        match stored.quality {
            Quality::Synced => summary.synced += 1,
            Quality::Estimated => summary.estimated += 1,
            Quality::Bounded => summary.bounded += 1,
        }
        summary.slot_seconds = summary.slot_seconds.max(round.slot.width.seconds());
        let block = start_s as u32 / BLOCK_SECONDS;
        for echo in echoes_that_tell_loss(round) {
            let number = u8::try_from(block).unwrap_or(u8::MAX);
            let block =
                blocks[block as usize].get_or_insert_with(|| Block { block: number, ..Block::default() });
            block.sent = block.sent.saturating_add(u32::from(echo.sent));
            block.lost = block.lost.saturating_add(u32::from(echo.lost()));
            block.late = block.late.saturating_add(u32::from(echo.late));
            block.duplicates = block.duplicates.saturating_add(u32::from(echo.duplicates));
            echo.rtt_us.iter().for_each(|&rtt_us| block.rtt.add(rtt_us));
        }
    }
    summary.runs = runs(&seconds);
    summary.tests = tests(records);
    summary.blocks = blocks.into_iter().flatten().collect();
    summary
}

fn tests(records: &[StoredRecord]) -> Vec<Test> {
    let mut found: Vec<(i64, Test)> = records
        .iter()
        .filter_map(|stored| {
            let Body::Bandwidth(test) = &stored.record.body else { return None };
            let second = stored.at_ms.div_euclid(1_000).rem_euclid(i64::from(SECONDS_A_DAY)) as u32;
            let rate_bps = test.rate_bps.unwrap_or(0);
            let (direction, end, bytes) = (test.direction, test.end, test.bytes);
            Some((stored.at_ms, Test { second, direction, end, rate_bps, bytes }))
        })
        .collect();
    found.sort_by_key(|(at_ms, test)| (*at_ms, test.direction, test.rate_bps));
    found.into_iter().map(|(_, test)| test).collect()
}

/// The ICMP echoes of a round by which loss is counted, here and in the running counters. An outage is told
/// by availability: its echoes, and those of a network that drops all ICMP, would tell it a second time as
/// loss.
pub fn echoes_that_tell_loss(round: &Round) -> impl Iterator<Item = &Echo> {
    let tells_loss = round.verdict.is_up() && round.note != Note::IcmpUnavailable;
    let icmp = round.echoes.iter().filter(|echo| echo.method == EchoMethod::Icmp && echo.sent > 0);
    icmp.filter(move |_| tells_loss)
}

fn runs(seconds: &[Option<Verdict>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (second, verdict) in seconds.iter().enumerate() {
        let Some(verdict) = verdict else { continue };
        let state = match verdict {
            Verdict::Up => State::Up,
            Verdict::Down(cause) => State::Down(*cause),
        };
        let second = second as u32;
        match runs.last_mut() {
            Some(run) if run.state == state && run.start_s + run.length_s == second => run.length_s += 1,
            _ => runs.push(Run { start_s: second, length_s: 1, state }),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
