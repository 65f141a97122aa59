//! What the running agent knows, as a small file that `suar-agent status` reads.
//!
//! It is written after each round, beside and renamed over, without asking the disk to make it durable: it
//! is best on a memory file system, and worth nothing after a power cut.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::bandwidth::Bandwidth;
use suar_wire::record::Round;
use suar_wire::{AgentId, DataUse, PlanRefused, SiteCode, Stamp, Verdict};

use crate::files;
use crate::spool::Stats;
use crate::uplink::UplinkState;

const FILE: &str = "status.json";
/// Most bytes that are read back.
const FILE_BYTES_MAX: u64 = 256 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub agent: AgentId,
    pub site: SiteCode,
    pub site_name: String,
    pub collector: String,
    /// False once the agent has stopped in order.
    pub running: bool,
    pub started: Stamp,
    pub written: Stamp,
    pub slot_seconds: u32,
    pub plan_version: u32,
    /// The state that is shown: it changes after two equal rounds.
    pub verdict: Option<Verdict>,
    /// Wall clock, milliseconds since 1970.
    pub verdict_since_ms: Option<i64>,
    /// The newest round.
    pub round: Option<Round>,
    /// Nothing is measured before this moment of the wall clock, because somebody asked for it.
    #[serde(default)]
    pub paused_until_ms: Option<i64>,
    pub uplink: Uplink,
    pub spool: Spool,
    /// What was used of the month so far, and what is left out for it.
    #[serde(default)]
    pub data: Option<DataUse>,
    /// The newest bandwidth test of each direction.
    #[serde(default)]
    pub bandwidth: Vec<LineTest>,
    /// Which newer program the plan names that cannot be used, and why.
    #[serde(default)]
    pub refused_program: Option<String>,
}

/// A bandwidth test and when it was, wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTest {
    pub at_ms: i64,
    pub test: Bandwidth,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Uplink {
    pub last_receipt_wall_ms: Option<i64>,
    pub last_error: Option<String>,
    pub clock_offset_ms: Option<i64>,
    pub pushes_ok: u64,
    pub pushes_failed: u64,
    pub refused_records: u64,
    pub revoked: bool,
    #[serde(default)]
    pub refused_plan: Option<PlanRefused>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spool {
    pub records_pending: u64,
    pub bytes_on_disk: u64,
    pub dropped_total: u64,
    pub damaged_segments: u32,
    /// Records that are not on disk yet.
    pub in_memory: u64,
    pub trouble: Option<String>,
}

impl From<&UplinkState> for Uplink {
    fn from(state: &UplinkState) -> Self {
        Self {
            last_receipt_wall_ms: state.last_receipt_wall_ms,
            last_error: state.last_error.clone(),
            clock_offset_ms: state.clock_offset_ms,
            pushes_ok: state.pushes_ok,
            pushes_failed: state.pushes_failed,
            refused_records: state.refused_records,
            revoked: state.revoked,
            refused_plan: state.refused_plan.clone(),
        }
    }
}

impl From<&Stats> for Spool {
    fn from(stats: &Stats) -> Self {
        Self {
            records_pending: stats.records_pending,
            bytes_on_disk: stats.bytes_on_disk,
            dropped_total: stats.dropped_total,
            damaged_segments: stats.damaged_segments,
            in_memory: stats.in_memory as u64,
            trouble: stats.trouble.clone(),
        }
    }
}

/// How far a status file can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    Running,
    /// No word for longer than the slots explain: killed, crashed or hung.
    Stale {
        age_s: u64,
    },
    Stopped,
    /// Written in an earlier boot of the machine.
    BeforeBoot,
}

impl Status {
    pub fn keep_test(&mut self, at_ms: i64, test: &Bandwidth) {
        self.bandwidth.retain(|known| known.test.direction != test.direction);
        self.bandwidth.push(LineTest { at_ms, test: test.clone() });
        self.bandwidth.sort_by_key(|known| known.test.direction);
    }

    /// Slots without a word after which the agent is not believed to run.
    const SLOTS_SILENT_MAX: u64 = 3;
    /// And at least this long: rounds in trouble take some seconds.
    const SILENT_S_MIN: u64 = 30;

    pub fn freshness(&self, now: Stamp) -> Freshness {
        if self.written.boot != now.boot {
            return Freshness::BeforeBoot;
        }
        if !self.running {
            return Freshness::Stopped;
        }
        let age_s = now.boot_ms.saturating_sub(self.written.boot_ms) / 1000;
        let allowed_s = (u64::from(self.slot_seconds) * Self::SLOTS_SILENT_MAX).max(Self::SILENT_S_MIN);
        if age_s > allowed_s { Freshness::Stale { age_s } } else { Freshness::Running }
    }
}

/// The directory for the file: the configured one if it can be made, else the state directory.
pub fn directory(runtime: &Path, state: &Path) -> PathBuf {
    match fs::create_dir_all(runtime) {
        Ok(()) if is_writable(runtime) => runtime.to_owned(),
        _ => state.to_owned(),
    }
}

fn is_writable(directory: &Path) -> bool {
    let probe = directory.join(format!("{FILE}.probe"));
    let written = fs::write(&probe, b"").is_ok();
    let _ = fs::remove_file(&probe);
    written
}

pub fn write(directory: &Path, status: &Status) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(status)?;
    let beside = directory.join(format!("{FILE}.new"));
    fs::write(&beside, text)?;
    files::once_free(|| fs::rename(&beside, directory.join(FILE)))
}

/// Reads the newer of the two places; `None` when no agent has ever run here.
pub fn read(runtime: &Path, state: &Path) -> io::Result<Option<Status>> {
    let mut newest: Option<Status> = None;
    for directory in [runtime, state] {
        let Some(status) = read_one(&directory.join(FILE))? else { continue };
        if newest.as_ref().is_none_or(|known| known.written.wall_ms < status.written.wall_ms) {
            newest = Some(status);
        }
    }
    Ok(newest)
}

fn read_one(path: &Path) -> io::Result<Option<Status>> {
    let text = files::read_text(path, FILE_BYTES_MAX)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

#[cfg(test)]
mod tests {
    use suar_wire::{BootId, Cause};

    use super::*;

    fn stamp(boot_ms: u64) -> Stamp {
        Stamp { boot: BootId([1; 16]), boot_ms, wall_ms: 1_800_000_000_000 + boot_ms as i64 }
    }

    fn status() -> Status {
        Status {
            version: "0.1.0".to_owned(),
            agent: AgentId([2; 16]),
            site: "19.02.02.2009".parse().expect("a site code"),
            site_name: "Kantor Desa".to_owned(),
            collector: "127.0.0.1:8443".to_owned(),
            running: true,
            started: stamp(0),
            written: stamp(60_000),
            slot_seconds: 60,
            plan_version: 1,
            verdict: Some(Verdict::Down(Cause::Internet)),
            verdict_since_ms: Some(5),
            round: None,
            paused_until_ms: None,
            uplink: Uplink::default(),
            spool: Spool::default(),
            data: None,
            bandwidth: Vec::new(),
            refused_program: None,
        }
    }

    #[test]
    fn what_was_written_is_read_from_wherever_it_is_newer() {
        let (runtime, state) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
        let read_both = || read(runtime.path(), state.path()).expect("read");
        assert_eq!(read_both(), None);
        write(state.path(), &status()).expect("written");
        assert_eq!(read_both(), Some(status()));
        let later = Status { written: stamp(120_000), ..status() };
        write(runtime.path(), &later).expect("written");
        assert_eq!(read_both(), Some(later));
    }

    #[test]
    fn an_old_file_is_told_from_a_running_agent() {
        let at = |boot_ms| status().freshness(stamp(boot_ms));
        assert_eq!(at(60_000 + 180_999), Freshness::Running);
        assert_eq!(at(60_000 + 181_000), Freshness::Stale { age_s: 181 });
        assert_eq!(Status { running: false, ..status() }.freshness(stamp(61_000)), Freshness::Stopped);
        let next_boot = Stamp { boot: BootId([9; 16]), ..stamp(1_000) };
        assert_eq!(status().freshness(next_boot), Freshness::BeforeBoot);
    }

    #[test]
    fn a_directory_that_cannot_be_made_falls_back_to_the_state() {
        let state = tempfile::tempdir().expect("made");
        let file = state.path().join("a file");
        fs::write(&file, b"").expect("written");
        assert_eq!(directory(&file.join("run"), state.path()), state.path());
        assert_eq!(directory(&state.path().join("run"), state.path()), state.path().join("run"));
    }
}
