//! Records as columns of differences: the one encoding for the agent's spool (one record a frame), the
//! push (a batch) and the collector's store (a day).
//!
//! # Format, version 1
//!
//! A protobuf message, [`Columns`]. Every record has an entry in the common columns (sequence, boot,
//! clocks, kind). Rounds, which are nearly everything, are taken apart into further columns; the rare
//! kinds follow as messages of their own, in order. Differences are taken to the entry before in the
//! same column, starting from zero, so that a steady agent's columns are runs of the same small number,
//! which zstd folds away. Boots and targets are dictionaries.
//!
//! Field numbers are never used again for anything else: agents on islands are updated last.
//!
//! # What later versions may add
//!
//! A new kind of record is a new message among the others. Who does not know it keeps it as it came, as
//! [`Body::Unknown`], and can read it after an update; the same holds for a known kind with a code that
//! this version has no name for. The columns of rounds are closed: a round that needs a code not listed
//! here travels as a new kind.
//!
//! # Bounds
//!
//! [`decode`] refuses more than `records_max` records before it allocates for them, and refuses columns
//! whose lengths disagree. It never panics on any input.

use std::net::IpAddr;

use prost::Message;

use crate::bandwidth::{Bandwidth, Congestion, Direction, Method, TestEnd};
use crate::data_use::{DataUse, Month, Purpose, Step, Use};
use crate::identity::BootId;
use crate::outcome::{Echo, EchoError, EchoMethod, Failure, Outcome};
use crate::plan::{PlanFault, PlanRefused};
use crate::record::{
    Attachment, Body, ClockStep, Disk, Dropped, Ending, Gap, GapReason, Health, Medium, Record, Round,
    SessionEnd, SessionStart, Stamp, Unknown,
};
use crate::slot::{Slot, SlotWidth};
use crate::verdict::{Note, Verdict};

/// Most entries of either dictionary.
pub const DICTIONARY_MAX: usize = 256;
/// Most echoes (addresses) in a round.
pub const ECHOES_MAX: usize = 16;

/// Why bytes are not records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    #[error("not a protobuf message: {0}")]
    Protobuf(String),
    #[error("{found} records, at most {max} are taken")]
    TooMany { found: usize, max: usize },
    #[error("the columns do not fit together: {0}")]
    Shape(&'static str),
    #[error("{what} has no meaning for {code}")]
    Code { what: &'static str, code: u32 },
    #[error("{what} is longer than {max} bytes")]
    Long { what: &'static str, max: usize },
}

/// The message itself. Public so that other messages can carry it.
#[derive(Clone, PartialEq, Message)]
pub struct Columns {
    #[prost(bytes = "vec", repeated, tag = "1")]
    boots: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    targets: Vec<Vec<u8>>,
    #[prost(sint64, repeated, tag = "3")]
    sequence: Vec<i64>,
    #[prost(uint32, repeated, tag = "4")]
    boot: Vec<u32>,
    #[prost(sint64, repeated, tag = "5")]
    boot_ms: Vec<i64>,
    /// Wall clock minus boot-time clock: constant while nobody sets the clock.
    #[prost(sint64, repeated, tag = "6")]
    wall_minus_boot_ms: Vec<i64>,
    /// 1 round, 2 other.
    #[prost(uint32, repeated, tag = "7")]
    kind: Vec<u32>,
    #[prost(sint64, repeated, tag = "8")]
    slot: Vec<i64>,
    #[prost(sint32, repeated, tag = "9")]
    slot_seconds: Vec<i32>,
    #[prost(uint32, repeated, tag = "10")]
    verdict: Vec<u32>,
    #[prost(uint32, repeated, tag = "11")]
    note: Vec<u32>,
    /// Five for each round: gateway, dns, dns_public, online, collector. 0 not sent, 1 ok, else failure.
    #[prost(uint32, repeated, tag = "12")]
    outcome: Vec<u32>,
    /// One for each ok outcome; difference to the one before of the same probe.
    #[prost(sint32, repeated, tag = "13")]
    elapsed_us: Vec<i32>,
    #[prost(uint32, repeated, tag = "14")]
    echoes: Vec<u32>,
    #[prost(uint32, repeated, tag = "15")]
    echo_target: Vec<u32>,
    #[prost(uint32, repeated, tag = "16")]
    echo_sent: Vec<u32>,
    #[prost(uint32, repeated, tag = "17")]
    echo_received: Vec<u32>,
    /// Sparse: present only when some echo is not (ICMP, none late, no duplicates, no error). Then one
    /// for each echo: method - 1 + 2 * error + 16 * late + 4096 * duplicates.
    #[prost(uint32, repeated, tag = "18")]
    echo_odd: Vec<u32>,
    /// Difference to the round trip before of the same target.
    #[prost(sint32, repeated, tag = "19")]
    rtt_us: Vec<i32>,
    /// Each an [`OtherPb`], kept as bytes so that kinds of later versions pass through whole.
    #[prost(bytes = "vec", repeated, tag = "20")]
    others: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct OtherPb {
    #[prost(oneof = "OtherBody", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9")]
    body: Option<OtherBody>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OtherBody {
    #[prost(message, tag = "1")]
    Health(HealthPb),
    #[prost(message, tag = "2")]
    SessionStart(SessionStartPb),
    #[prost(uint32, tag = "3")]
    SessionEnd(u32),
    #[prost(message, tag = "4")]
    Gap(GapPb),
    #[prost(message, tag = "5")]
    Dropped(DroppedPb),
    #[prost(sint64, tag = "6")]
    ClockStep(i64),
    #[prost(message, tag = "7")]
    DataUse(DataUsePb),
    #[prost(message, tag = "8")]
    Bandwidth(BandwidthPb),
    #[prost(message, tag = "9")]
    PlanRefused(PlanRefusedPb),
}

#[derive(Clone, PartialEq, Message)]
struct HealthPb {
    #[prost(uint32, optional, tag = "1")]
    cpu_permille: Option<u32>,
    #[prost(uint64, optional, tag = "2")]
    memory_total_kib: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    memory_available_kib: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    swap_used_kib: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    uptime_s: Option<u64>,
    #[prost(sint32, optional, tag = "6")]
    temperature_dc: Option<i32>,
    #[prost(message, repeated, tag = "7")]
    disks: Vec<DiskPb>,
    #[prost(uint64, optional, tag = "8")]
    interface_rx_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "9")]
    interface_tx_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "10")]
    interface_errors: Option<u64>,
    #[prost(uint64, optional, tag = "11")]
    agent_rss_kib: Option<u64>,
    #[prost(uint64, optional, tag = "12")]
    agent_cpu_ms: Option<u64>,
    #[prost(uint64, tag = "13")]
    spool_records: u64,
    #[prost(uint64, tag = "14")]
    spool_bytes: u64,
    #[prost(uint64, tag = "15")]
    spool_dropped: u64,
    #[prost(sint64, optional, tag = "16")]
    clock_offset_ms: Option<i64>,
    #[prost(uint64, optional, tag = "17")]
    spool_bytes_max: Option<u64>,
    #[prost(message, optional, tag = "18")]
    attachment: Option<AttachmentPb>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct AttachmentPb {
    /// 0: not known.
    #[prost(uint32, tag = "1")]
    medium: u32,
    #[prost(uint32, optional, tag = "2")]
    speed_mbps: Option<u32>,
    #[prost(bool, optional, tag = "3")]
    on_mains: Option<bool>,
    #[prost(uint32, optional, tag = "4")]
    battery_percent: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct DiskPb {
    #[prost(string, tag = "1")]
    mount: String,
    #[prost(uint64, tag = "2")]
    total_mib: u64,
    #[prost(uint64, tag = "3")]
    free_mib: u64,
    #[prost(bool, tag = "4")]
    read_only: bool,
}

#[derive(Clone, PartialEq, Message)]
struct SessionStartPb {
    #[prost(string, tag = "1")]
    agent_version: String,
    #[prost(string, tag = "2")]
    system: String,
    #[prost(uint32, tag = "3")]
    previous_ended: u32,
    #[prost(message, optional, tag = "4")]
    previous_last: Option<StampPb>,
}

#[derive(Clone, PartialEq, Message)]
struct StampPb {
    #[prost(bytes = "vec", tag = "1")]
    boot: Vec<u8>,
    #[prost(uint64, tag = "2")]
    boot_ms: u64,
    #[prost(sint64, tag = "3")]
    wall_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GapPb {
    #[prost(uint32, tag = "1")]
    reason: u32,
    #[prost(uint64, tag = "2")]
    from_boot_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct DroppedPb {
    #[prost(uint64, tag = "1")]
    first: u64,
    #[prost(uint64, tag = "2")]
    last: u64,
}

#[derive(Clone, PartialEq, Message)]
struct PlanRefusedPb {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(uint32, tag = "2")]
    fault: u32,
    #[prost(string, tag = "3")]
    reason: String,
}

/// Codes of 0 stand for what was not known.
#[derive(Clone, PartialEq, Message)]
struct BandwidthPb {
    #[prost(uint32, tag = "1")]
    direction: u32,
    #[prost(uint32, tag = "2")]
    end: u32,
    #[prost(uint32, tag = "3")]
    method: u32,
    #[prost(uint32, tag = "4")]
    congestion: u32,
    #[prost(uint64, optional, tag = "5")]
    rate_bps: Option<u64>,
    #[prost(uint64, tag = "6")]
    bytes: u64,
    #[prost(uint32, tag = "7")]
    elapsed_ms: u32,
    #[prost(uint64, optional, tag = "8")]
    prior_bps: Option<u64>,
    #[prost(uint64, optional, tag = "9")]
    cross_bps: Option<u64>,
    #[prost(uint64, optional, tag = "10")]
    burst_bps: Option<u64>,
    #[prost(uint32, optional, tag = "11")]
    loss_permille: Option<u32>,
    #[prost(uint32, optional, tag = "12")]
    idle_rtt_us: Option<u32>,
    #[prost(uint32, optional, tag = "13")]
    loaded_rtt_us: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct DataUsePb {
    /// Months since the year 0.
    #[prost(uint32, tag = "1")]
    month: u32,
    /// Purpose, bytes sent, bytes received, purpose, ...
    #[prost(uint64, repeated, tag = "2")]
    used: Vec<u64>,
    #[prost(uint64, optional, tag = "3")]
    allowance_bytes: Option<u64>,
    #[prost(uint32, tag = "4")]
    step: u32,
    #[prost(bool, optional, tag = "5")]
    metered: Option<bool>,
}

const KIND_ROUND: u32 = 1;
const KIND_OTHER: u32 = 2;
const OUTCOMES: usize = 5;

/// One record alone, as the spool keeps it.
pub fn encode_record(record: &Record) -> Vec<u8> {
    encode(std::slice::from_ref(record)).encode_to_vec()
}

/// The record that [`encode_record`] wrote.
pub fn decode_record(bytes: &[u8]) -> Result<Record, ColumnsError> {
    let columns = Columns::decode(bytes).map_err(|error| ColumnsError::Protobuf(error.to_string()))?;
    decode(&columns, 1)?.pop().ok_or(ColumnsError::Shape("no record"))
}

/// Takes records apart. Any order of sequences is kept; ascending ones are smallest.
pub fn encode(records: &[Record]) -> Columns {
    let mut columns = Columns::default();
    let mut before = Before::default();
    let mut odd = false;
    for record in records {
        let stamp = record.stamp;
        columns.sequence.push(difference(record.sequence as i64, &mut before.sequence));
        columns.boot.push(index_of(&mut columns.boots, &stamp.boot.0));
        columns.boot_ms.push(difference(stamp.boot_ms as i64, &mut before.boot_ms));
        let wall_minus_boot = stamp.wall_ms.wrapping_sub(stamp.boot_ms as i64);
        columns.wall_minus_boot_ms.push(difference(wall_minus_boot, &mut before.wall_minus_boot_ms));
        match other_from(&record.body) {
            Ok(round) => {
                columns.kind.push(KIND_ROUND);
                encode_round(round, &mut columns, &mut before, &mut odd);
            }
            Err(other) => {
                columns.kind.push(KIND_OTHER);
                columns.others.push(other);
            }
        }
    }
    if !odd {
        columns.echo_odd.clear();
    }
    columns
}

/// What the entry before held in each difference column.
#[derive(Default)]
struct Before {
    sequence: i64,
    boot_ms: i64,
    wall_minus_boot_ms: i64,
    slot: i64,
    slot_seconds: i64,
    elapsed_us: [i64; OUTCOMES],
    rtt_us: Vec<i64>,
}

impl Before {
    fn rtt_us(&mut self, target: u32) -> &mut i64 {
        let target = target as usize;
        if self.rtt_us.len() <= target {
            self.rtt_us.resize(target + 1, 0);
        }
        &mut self.rtt_us[target]
    }
}

/// Wrapping on purpose: hostile or broken clocks must not panic, and wrapping is undone exactly.
fn difference(value: i64, before: &mut i64) -> i64 {
    let difference = value.wrapping_sub(*before);
    *before = value;
    difference
}

fn sum(difference: i64, before: &mut i64) -> i64 {
    *before = before.wrapping_add(difference);
    *before
}

fn index_of(dictionary: &mut Vec<Vec<u8>>, entry: &[u8]) -> u32 {
    let found = dictionary.iter().position(|known| known == entry).unwrap_or_else(|| {
        dictionary.push(entry.to_vec());
        dictionary.len() - 1
    });
    found as u32
}

fn encode_round(round: &Round, columns: &mut Columns, before: &mut Before, odd: &mut bool) {
    columns.slot.push(difference(round.slot.index, &mut before.slot));
    let seconds = i64::from(round.slot.width.seconds());
    columns.slot_seconds.push(difference(seconds, &mut before.slot_seconds) as i32);
    columns.verdict.push(round.verdict.code());
    columns.note.push(round.note.code());
    let outcomes = [round.gateway, round.dns, round.dns_public, round.online, round.collector];
    for (outcome, before) in outcomes.into_iter().zip(&mut before.elapsed_us) {
        match outcome {
            Outcome::NotSent => columns.outcome.push(0),
            Outcome::Failed(failure) => columns.outcome.push(failure.code()),
            Outcome::Ok { elapsed_us } => {
                columns.outcome.push(1);
                columns.elapsed_us.push(difference(i64::from(elapsed_us), before) as i32);
            }
        }
    }
    columns.echoes.push(round.echoes.len() as u32);
    for echo in &round.echoes {
        let target = match echo.target {
            IpAddr::V4(address) => index_of(&mut columns.targets, &address.octets()),
            IpAddr::V6(address) => index_of(&mut columns.targets, &address.octets()),
        };
        columns.echo_target.push(target);
        columns.echo_sent.push(u32::from(echo.sent));
        columns.echo_received.push(u32::from(echo.received()));
        let error = echo.error.map_or(0, EchoError::code);
        let packed = echo.method.code() - 1
            + 2 * error
            + 16 * u32::from(echo.late)
            + 4096 * u32::from(echo.duplicates);
        *odd |= packed != 0;
        columns.echo_odd.push(packed);
        for rtt in echo.rtt_us.iter().take(usize::from(u8::MAX)) {
            columns.rtt_us.push(difference(i64::from(*rtt), before.rtt_us(target)) as i32);
        }
    }
}

/// Puts records together again.
pub fn decode(columns: &Columns, records_max: usize) -> Result<Vec<Record>, ColumnsError> {
    let count = columns.sequence.len();
    if count > records_max {
        return Err(ColumnsError::TooMany { found: count, max: records_max });
    }
    let common =
        [columns.boot.len(), columns.boot_ms.len(), columns.wall_minus_boot_ms.len(), columns.kind.len()];
    if common.iter().any(|length| *length != count) {
        return Err(ColumnsError::Shape("the common columns differ in length"));
    }
    if columns.boots.len() > DICTIONARY_MAX || columns.targets.len() > DICTIONARY_MAX {
        return Err(ColumnsError::Shape("a dictionary is too long"));
    }
    let mut before = Before::default();
    let mut rounds = RoundColumns::over(columns)?;
    let mut others = columns.others.iter();
    let mut records = Vec::with_capacity(count);
    for at in 0..count {
        let boot_ms = sum(columns.boot_ms[at], &mut before.boot_ms);
        let sequence = sum(columns.sequence[at], &mut before.sequence) as u64;
        let wall_minus_boot = sum(columns.wall_minus_boot_ms[at], &mut before.wall_minus_boot_ms);
        let boot = columns
            .boots
            .get(columns.boot[at] as usize)
            .and_then(|bytes| BootId::from_slice(bytes))
            .ok_or(ColumnsError::Shape("a boot is not in the dictionary"))?;
        let stamp = Stamp { boot, boot_ms: boot_ms as u64, wall_ms: wall_minus_boot.wrapping_add(boot_ms) };
        let body = match columns.kind[at] {
            KIND_ROUND => Body::Round(rounds.next(&mut before)?),
            KIND_OTHER => other_into(others.next().ok_or(ColumnsError::Shape("a record has no body"))?)?,
            code => return Err(ColumnsError::Code { what: "record kind", code }),
        };
        records.push(Record { sequence, stamp, body });
    }
    if others.next().is_some() || !rounds.is_spent() {
        return Err(ColumnsError::Shape("there is more in the columns than records"));
    }
    Ok(records)
}

/// The columns of rounds, read from the front.
struct RoundColumns<'a> {
    targets: Vec<IpAddr>,
    slot: std::slice::Iter<'a, i64>,
    slot_seconds: std::slice::Iter<'a, i32>,
    verdict: std::slice::Iter<'a, u32>,
    note: std::slice::Iter<'a, u32>,
    outcome: std::slice::Iter<'a, u32>,
    elapsed_us: std::slice::Iter<'a, i32>,
    echoes: std::slice::Iter<'a, u32>,
    echo_target: std::slice::Iter<'a, u32>,
    echo_sent: std::slice::Iter<'a, u32>,
    echo_received: std::slice::Iter<'a, u32>,
    echo_odd: std::slice::Iter<'a, u32>,
    rtt_us: std::slice::Iter<'a, i32>,
    any_odd: bool,
}

impl<'a> RoundColumns<'a> {
    fn over(columns: &'a Columns) -> Result<Self, ColumnsError> {
        let targets = columns
            .targets
            .iter()
            .map(|bytes| match bytes.len() {
                4 => <[u8; 4]>::try_from(bytes.as_slice()).map(IpAddr::from).ok(),
                16 => <[u8; 16]>::try_from(bytes.as_slice()).map(IpAddr::from).ok(),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(ColumnsError::Shape("a target is no address"))?;
        Ok(Self {
            targets,
            slot: columns.slot.iter(),
            slot_seconds: columns.slot_seconds.iter(),
            verdict: columns.verdict.iter(),
            note: columns.note.iter(),
            outcome: columns.outcome.iter(),
            elapsed_us: columns.elapsed_us.iter(),
            echoes: columns.echoes.iter(),
            echo_target: columns.echo_target.iter(),
            echo_sent: columns.echo_sent.iter(),
            echo_received: columns.echo_received.iter(),
            echo_odd: columns.echo_odd.iter(),
            rtt_us: columns.rtt_us.iter(),
            any_odd: !columns.echo_odd.is_empty(),
        })
    }

    fn next(&mut self, before: &mut Before) -> Result<Round, ColumnsError> {
        let index = sum(*pull(&mut self.slot)?, &mut before.slot);
        let seconds = sum(i64::from(*pull(&mut self.slot_seconds)?), &mut before.slot_seconds);
        let width = u32::try_from(seconds)
            .ok()
            .and_then(SlotWidth::from_seconds)
            .ok_or(ColumnsError::Code { what: "slot width", code: seconds as u32 })?;
        let code = *pull(&mut self.verdict)?;
        let verdict = Verdict::from_code(code).ok_or(ColumnsError::Code { what: "verdict", code })?;
        let code = *pull(&mut self.note)?;
        let note = Note::from_code(code).ok_or(ColumnsError::Code { what: "note", code })?;
        let mut outcomes = [Outcome::NotSent; OUTCOMES];
        for (outcome, before) in outcomes.iter_mut().zip(&mut before.elapsed_us) {
            *outcome = match *pull(&mut self.outcome)? {
                0 => Outcome::NotSent,
                1 => Outcome::Ok { elapsed_us: micros(*pull(&mut self.elapsed_us)?, before)? },
                code => Outcome::Failed(
                    Failure::from_code(code).ok_or(ColumnsError::Code { what: "outcome", code })?,
                ),
            };
        }
        let [gateway, dns, dns_public, online, collector] = outcomes;
        let echo_count = *pull(&mut self.echoes)? as usize;
        if echo_count > ECHOES_MAX {
            return Err(ColumnsError::Shape("a round has too many echoes"));
        }
        let echoes = (0..echo_count).map(|_| self.next_echo(before)).collect::<Result<_, _>>()?;
        Ok(Round {
            slot: Slot { index, width },
            verdict,
            note,
            gateway,
            dns,
            dns_public,
            online,
            collector,
            echoes,
        })
    }

    fn next_echo(&mut self, before: &mut Before) -> Result<Echo, ColumnsError> {
        let at = *pull(&mut self.echo_target)?;
        let target = *self
            .targets
            .get(at as usize)
            .ok_or(ColumnsError::Shape("an echo's target is not in the dictionary"))?;
        let sent = small(*pull(&mut self.echo_sent)?)?;
        let received = small(*pull(&mut self.echo_received)?)?;
        if sent > Echo::SENT_MAX || received > sent {
            return Err(ColumnsError::Shape("more echoes answered than sent, or too many sent"));
        }
        let odd = if self.any_odd { *pull(&mut self.echo_odd)? } else { 0 };
        let method_code = (odd & 1) + 1;
        let method = EchoMethod::from_code(method_code)
            .ok_or(ColumnsError::Code { what: "echo method", code: method_code })?;
        let error = match (odd >> 1) & 7 {
            0 => None,
            code => Some(EchoError::from_code(code).ok_or(ColumnsError::Code { what: "echo error", code })?),
        };
        let late = small((odd >> 4) & 0xff)?;
        let duplicates = small(odd >> 12)?;
        let rtt_us = (0..received)
            .map(|_| micros(*pull(&mut self.rtt_us)?, before.rtt_us(at)))
            .collect::<Result<_, _>>()?;
        Ok(Echo { target, method, sent, late, duplicates, error, rtt_us })
    }

    fn is_spent(&self) -> bool {
        let rounds = self.slot.len()
            + self.slot_seconds.len()
            + self.verdict.len()
            + self.note.len()
            + self.echoes.len();
        let probes = self.outcome.len() + self.elapsed_us.len() + self.rtt_us.len();
        let echoes =
            self.echo_target.len() + self.echo_sent.len() + self.echo_received.len() + self.echo_odd.len();
        rounds + probes + echoes == 0
    }
}

fn pull<'a, T>(column: &mut std::slice::Iter<'a, T>) -> Result<&'a T, ColumnsError> {
    column.next().ok_or(ColumnsError::Shape("a column ends too early"))
}

fn small(number: u32) -> Result<u8, ColumnsError> {
    u8::try_from(number).map_err(|_| ColumnsError::Shape("a count is over 255"))
}

fn micros(difference: i32, before: &mut i64) -> Result<u32, ColumnsError> {
    // Differences of u32 were cut to 32 bits when written; the low 32 bits of the sum are exact.
    let value = sum(i64::from(difference), before) as u32;
    *before = i64::from(value);
    Ok(value)
}

/// The round itself, or the bytes of any other body.
fn other_from(body: &Body) -> Result<&Round, Vec<u8>> {
    let other = match body {
        Body::Round(round) => return Ok(round),
        Body::Unknown(unknown) => return Err(unknown.message.clone()),
        Body::Health(health) => OtherBody::Health(HealthPb {
            cpu_permille: health.cpu_permille,
            memory_total_kib: health.memory_total_kib,
            memory_available_kib: health.memory_available_kib,
            swap_used_kib: health.swap_used_kib,
            uptime_s: health.uptime_s,
            temperature_dc: health.temperature_dc,
            disks: health
                .disks
                .iter()
                .map(|disk| DiskPb {
                    mount: disk.mount.clone(),
                    total_mib: disk.total_mib,
                    free_mib: disk.free_mib,
                    read_only: disk.read_only,
                })
                .collect(),
            interface_rx_bytes: health.interface_rx_bytes,
            interface_tx_bytes: health.interface_tx_bytes,
            interface_errors: health.interface_errors,
            agent_rss_kib: health.agent_rss_kib,
            agent_cpu_ms: health.agent_cpu_ms,
            spool_records: health.spool_records,
            spool_bytes: health.spool_bytes,
            spool_dropped: health.spool_dropped,
            clock_offset_ms: health.clock_offset_ms,
            spool_bytes_max: health.spool_bytes_max,
            attachment: health.attachment.map(|attachment| AttachmentPb {
                medium: attachment.medium.map_or(0, Medium::code),
                speed_mbps: attachment.speed_mbps,
                on_mains: attachment.on_mains,
                battery_percent: attachment.battery_percent,
            }),
        }),
        Body::SessionStart(start) => OtherBody::SessionStart(SessionStartPb {
            agent_version: start.agent_version.clone(),
            system: start.system.clone(),
            previous_ended: start.previous_ended.code(),
            previous_last: start.previous_last.map(|stamp| StampPb {
                boot: stamp.boot.0.to_vec(),
                boot_ms: stamp.boot_ms,
                wall_ms: stamp.wall_ms,
            }),
        }),
        Body::SessionEnd(end) => OtherBody::SessionEnd(end.ending.code()),
        Body::Gap(gap) => OtherBody::Gap(GapPb { reason: gap.reason.code(), from_boot_ms: gap.from_boot_ms }),
        Body::Dropped(dropped) => OtherBody::Dropped(DroppedPb { first: dropped.first, last: dropped.last }),
        Body::ClockStep(step) => OtherBody::ClockStep(step.by_ms),
        Body::Bandwidth(test) => OtherBody::Bandwidth(BandwidthPb {
            direction: test.direction.code(),
            end: test.end.code(),
            method: test.method.map_or(0, Method::code),
            congestion: test.congestion.map_or(0, Congestion::code),
            rate_bps: test.rate_bps,
            bytes: test.bytes,
            elapsed_ms: test.elapsed_ms,
            prior_bps: test.prior_bps,
            cross_bps: test.cross_bps,
            burst_bps: test.burst_bps,
            loss_permille: test.loss_permille,
            idle_rtt_us: test.idle_rtt_us,
            loaded_rtt_us: test.loaded_rtt_us,
        }),
        Body::PlanRefused(refused) => OtherBody::PlanRefused(PlanRefusedPb {
            version: refused.version,
            fault: refused.fault.code(),
            reason: refused.reason.clone(),
        }),
        Body::DataUse(told) => OtherBody::DataUse(DataUsePb {
            month: told.month.number(),
            used: (told.used.iter())
                .flat_map(|one| [u64::from(one.purpose.code()), one.sent, one.received])
                .collect(),
            allowance_bytes: told.allowance_bytes,
            step: told.step.code(),
            metered: told.metered,
        }),
    };
    Err(OtherPb { body: Some(other) }.encode_to_vec())
}

fn other_into(bytes: &[u8]) -> Result<Body, ColumnsError> {
    if bytes.is_empty() {
        return Err(ColumnsError::Shape("a record has an empty body"));
    }
    let other = OtherPb::decode(bytes).map_err(|error| ColumnsError::Protobuf(error.to_string()))?;
    match other.body.as_ref().map(known_into) {
        Some(Ok(body)) => Ok(body),
        // What a later version added must not cost the records beside it.
        None | Some(Err(ColumnsError::Code { .. })) => {
            if bytes.len() > Unknown::MESSAGE_BYTES_MAX {
                return Err(ColumnsError::Long { what: "unknown record", max: Unknown::MESSAGE_BYTES_MAX });
            }
            Ok(Body::Unknown(Unknown { message: bytes.to_vec() }))
        }
        Some(Err(error)) => Err(error),
    }
}

/// For [`Unknown`] in JSON: only what comes back as it went, or the store could not be read again.
pub(crate) fn unknown_message<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Vec<u8>, D::Error> {
    use serde::de::{Deserialize, Error};
    let message = Vec::<u8>::deserialize(source)?;
    match other_into(&message).map_err(Error::custom)? {
        Body::Unknown(_) => Ok(message),
        _ => Err(Error::custom("this is the message of a known kind")),
    }
}

fn known_into(other: &OtherBody) -> Result<Body, ColumnsError> {
    let ending = |code| Ending::from_code(code).ok_or(ColumnsError::Code { what: "session ending", code });
    Ok(match other {
        OtherBody::Health(health) => Body::Health(Box::new(health_into(health)?)),
        OtherBody::SessionStart(start) => Body::SessionStart(SessionStart {
            agent_version: bounded("agent version", &start.agent_version, SessionStart::TEXT_BYTES_MAX)?,
            system: bounded("system", &start.system, SessionStart::TEXT_BYTES_MAX)?,
            previous_ended: ending(start.previous_ended)?,
            previous_last: start
                .previous_last
                .as_ref()
                .map(|stamp| {
                    let boot = BootId::from_slice(&stamp.boot)
                        .ok_or(ColumnsError::Shape("a boot id is not 16 bytes"))?;
                    Ok(Stamp { boot, boot_ms: stamp.boot_ms, wall_ms: stamp.wall_ms })
                })
                .transpose()?,
        }),
        OtherBody::SessionEnd(code) => Body::SessionEnd(SessionEnd { ending: ending(*code)? }),
        OtherBody::Gap(gap) => Body::Gap(Gap {
            reason: GapReason::from_code(gap.reason)
                .ok_or(ColumnsError::Code { what: "gap reason", code: gap.reason })?,
            from_boot_ms: gap.from_boot_ms,
        }),
        OtherBody::Dropped(dropped) => Body::Dropped(Dropped { first: dropped.first, last: dropped.last }),
        OtherBody::ClockStep(by_ms) => Body::ClockStep(ClockStep { by_ms: *by_ms }),
        OtherBody::DataUse(told) => Body::DataUse(data_use_into(told)?),
        OtherBody::Bandwidth(test) => Body::Bandwidth(bandwidth_into(test)?),
        OtherBody::PlanRefused(refused) => Body::PlanRefused(PlanRefused {
            version: refused.version,
            fault: PlanFault::from_code(refused.fault)
                .ok_or(ColumnsError::Code { what: "fault of a plan", code: refused.fault })?,
            reason: bounded("reason of a refusal", &refused.reason, PlanRefused::REASON_BYTES_MAX)?,
        }),
    })
}

fn data_use_into(told: &DataUsePb) -> Result<DataUse, ColumnsError> {
    let (uses, rest) = told.used.as_chunks::<3>();
    if !rest.is_empty() || !uses.is_sorted_by(|a, b| a[0] < b[0]) {
        return Err(ColumnsError::Shape("the purposes of data are not in order"));
    }
    // Purposes that a later version added make the record an unknown one, which is bounded in size.
    let one = |&[purpose, sent, received]: &[u64; 3]| {
        let code = u32::try_from(purpose).unwrap_or(u32::MAX);
        let purpose = Purpose::from_code(code).ok_or(ColumnsError::Code { what: "purpose of data", code })?;
        Ok(Use { purpose, sent, received })
    };
    Ok(DataUse {
        month: Month::from_number(told.month)
            .ok_or(ColumnsError::Shape("a month is beyond the year 9999"))?,
        used: uses.iter().map(one).collect::<Result<_, ColumnsError>>()?,
        allowance_bytes: told.allowance_bytes,
        step: Step::from_code(told.step)
            .ok_or(ColumnsError::Code { what: "step of saving", code: told.step })?,
        metered: told.metered,
    })
}

fn bandwidth_into(test: &BandwidthPb) -> Result<Bandwidth, ColumnsError> {
    let code = |what, code| ColumnsError::Code { what, code };
    let known = |number: u32| (number != 0).then_some(number);
    let method = |number| Method::from_code(number).ok_or_else(|| code("test method", number));
    let congestion = |number| Congestion::from_code(number).ok_or_else(|| code("congestion control", number));
    Ok(Bandwidth {
        direction: Direction::from_code(test.direction)
            .ok_or_else(|| code("test direction", test.direction))?,
        end: TestEnd::from_code(test.end).ok_or_else(|| code("test end", test.end))?,
        method: known(test.method).map(method).transpose()?,
        congestion: known(test.congestion).map(congestion).transpose()?,
        rate_bps: test.rate_bps,
        bytes: test.bytes,
        elapsed_ms: test.elapsed_ms,
        prior_bps: test.prior_bps,
        cross_bps: test.cross_bps,
        burst_bps: test.burst_bps,
        loss_permille: test.loss_permille,
        idle_rtt_us: test.idle_rtt_us,
        loaded_rtt_us: test.loaded_rtt_us,
    })
}

fn health_into(health: &HealthPb) -> Result<Health, ColumnsError> {
    if health.disks.len() > Health::DISKS_MAX {
        return Err(ColumnsError::Shape("too many disks"));
    }
    let disks = health
        .disks
        .iter()
        .map(|disk| {
            Ok(Disk {
                mount: bounded("mount", &disk.mount, Health::MOUNT_BYTES_MAX)?,
                total_mib: disk.total_mib,
                free_mib: disk.free_mib,
                read_only: disk.read_only,
            })
        })
        .collect::<Result<_, ColumnsError>>()?;
    Ok(Health {
        cpu_permille: health.cpu_permille,
        memory_total_kib: health.memory_total_kib,
        memory_available_kib: health.memory_available_kib,
        swap_used_kib: health.swap_used_kib,
        uptime_s: health.uptime_s,
        temperature_dc: health.temperature_dc,
        disks,
        interface_rx_bytes: health.interface_rx_bytes,
        interface_tx_bytes: health.interface_tx_bytes,
        interface_errors: health.interface_errors,
        agent_rss_kib: health.agent_rss_kib,
        agent_cpu_ms: health.agent_cpu_ms,
        spool_records: health.spool_records,
        spool_bytes: health.spool_bytes,
        spool_dropped: health.spool_dropped,
        clock_offset_ms: health.clock_offset_ms,
        spool_bytes_max: health.spool_bytes_max,
        attachment: health.attachment.as_ref().map(attachment_into).transpose()?,
    })
}

fn attachment_into(told: &AttachmentPb) -> Result<Attachment, ColumnsError> {
    let medium = |code| Medium::from_code(code).ok_or(ColumnsError::Code { what: "medium", code });
    Ok(Attachment {
        medium: (told.medium != 0).then(|| medium(told.medium)).transpose()?,
        speed_mbps: told.speed_mbps,
        on_mains: told.on_mains,
        battery_percent: told.battery_percent,
    })
}

fn bounded(what: &'static str, text: &str, max: usize) -> Result<String, ColumnsError> {
    if text.len() > max { Err(ColumnsError::Long { what, max }) } else { Ok(text.to_owned()) }
}
