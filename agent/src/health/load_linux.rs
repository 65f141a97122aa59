//! Processors, memory, uptime, and the agent's own part of them.

use super::Root;
use crate::health::permille;

/// Ticks of all processors since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Processors {
    busy: u64,
    all: u64,
}

impl Processors {
    /// Share of the time between two looks, in thousandths. `None` when the counters stood still or went back.
    pub(super) fn busy_since(self, before: Self) -> Option<u32> {
        let (busy, all) = (self.busy.checked_sub(before.busy)?, self.all.checked_sub(before.all)?);
        permille(busy as f64 / all as f64)
    }
}

/// `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user and nice already.
pub(super) fn processors(root: &Root) -> Option<Processors> {
    const COUNTED: usize = 8;
    let text = root.text("proc/stat")?;
    let numbers = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> =
        numbers.split_whitespace().take(COUNTED).map(str::parse).collect::<Result<_, _>>().ok()?;
    let all = ticks.iter().try_fold(0_u64, |sum, ticks| sum.checked_add(*ticks))?;
    let idle = ticks.get(3)?.checked_add(ticks.get(4).copied().unwrap_or(0))?;
    Some(Processors { busy: all.checked_sub(idle)?, all })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Memory {
    pub(super) total_kib: Option<u64>,
    pub(super) available_kib: Option<u64>,
    pub(super) swap_used_kib: Option<u64>,
}

pub(super) fn memory(root: &Root) -> Memory {
    let text = root.text("proc/meminfo").unwrap_or_default();
    let kib = |name: &str| kib_of(&text, name);
    let total_kib = kib("MemTotal").filter(|total| *total > 0);
    Memory {
        total_kib,
        available_kib: kib("MemAvailable").filter(|available| total_kib.is_some_and(|all| *available <= all)),
        swap_used_kib: kib("SwapTotal").and_then(|total| total.checked_sub(kib("SwapFree")?)),
    }
}

/// The seconds with a fraction since boot, sleep included.
pub(super) fn uptime_s(root: &Root) -> Option<u64> {
    let text = root.text("proc/uptime")?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds as u64)
}

pub(super) fn own_rss_kib(root: &Root) -> Option<u64> {
    kib_of(&root.text("proc/self/status")?, "VmRSS")
}

/// Fields 14 and 15 are time in the program and in the kernel for it; the name in field 2 may hold anything.
pub(super) fn own_cpu_ms(root: &Root) -> Option<u64> {
    let text = root.text("proc/self/stat")?;
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()?.checked_add(ticks()?)?;
    Some(ticks.saturating_mul(1000) / ticks_a_second()?)
}

fn ticks_a_second() -> Option<u64> {
    // SAFETY: asks for a number and touches no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|ticks| *ticks > 0)
}

/// `Name:    1234 kB`
fn kib_of(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.strip_suffix("kB")?.trim().parse().ok()
}
