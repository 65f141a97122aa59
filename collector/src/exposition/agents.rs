//! The families of agents and their machines. While an agent is silent only what stays true is shown:
//! who it is, when it was last heard, what it has counted.

use suar_wire::record::{Attachment, Health, Medium};
use suar_wire::{DataUse, Step};

use super::Scene;
use super::families::{self, Family, Kind};
use super::text::{Page, Value};
use crate::live::AgentLive;

struct Row<'a> {
    site: &'a str,
    agent: String,
    live: &'a AgentLive,
    is_silent: bool,
    /// What it told of the running month.
    data: Option<&'a DataUse>,
}

impl Row<'_> {
    /// Its newest look at the machine, where it may be shown in a family of this kind.
    fn health(&self, family: &Family) -> Option<&Health> {
        let still_true = !self.is_silent || family.kind == Kind::Counter;
        self.live.health.as_ref().filter(|_| still_true).map(|health| &health.value)
    }

    /// What its machine hangs on, while it is heard.
    fn attachment(&self) -> Option<&Attachment> {
        self.live.attachment.as_ref().filter(|_| !self.is_silent).map(|attachment| &attachment.value)
    }

    /// The newest that it told of data, whatever month that was; true while it is heard.
    fn newest_data(&self) -> Option<&DataUse> {
        self.live.data.as_ref().filter(|_| !self.is_silent).map(|data| &data.value)
    }
}

pub(super) fn render(scene: &Scene<'_>, page: &mut Page) {
    let silent_after_ms = scene.live.silent_after_ms();
    let mut rows = Vec::new();
    for place in &scene.places.sites {
        for (id, live) in scene.live.site(place.code()).iter().flat_map(|site| &site.agents) {
            let is_silent = live.is_silent(scene.now_ms, silent_after_ms);
            let data = live.data_of(place.month_at(scene.now_ms));
            rows.push(Row { site: place.code().as_str(), agent: id.to_string(), live, is_silent, data });
        }
    }
    let mut info = page.family(&families::AGENT_INFO);
    for row in &rows {
        if let Some(program) = &row.live.program {
            let (version, system) = &program.value;
            info.sample(&[row.site, &row.agent, version, system], 1_u64);
        }
    }
    let mut plans = page.family(&families::AGENT_PLAN);
    for row in rows.iter().filter(|row| row.live.plan_version > 0) {
        plans.sample(&[row.site, &row.agent], u64::from(row.live.plan_version));
    }
    let mut refused = page.family(&families::AGENT_PLAN_REFUSED);
    for row in &rows {
        if let Some(plan) = row.live.refused() {
            refused.sample(&[row.site, &row.agent, plan.fault.label()], u64::from(plan.version));
        }
    }
    let mut offsets = page.family(&families::AGENT_CLOCK_OFFSET);
    for row in rows.iter().filter(|row| !row.is_silent) {
        offsets.maybe(&[row.site, &row.agent], row.live.clock_offset_ms.map(Value::millis));
    }
    machine(&rows, page);
    disks(&rows, page);
    attachment(&rows, page);
    program(&rows, page);
    data_use(&rows, page);
    let mut heard = page.family(&families::AGENT_LAST_HEARD);
    for row in &rows {
        heard.sample(&[row.site, &row.agent], Value::millis(row.live.heard_ms));
    }
}

fn machine(rows: &[Row<'_>], page: &mut Page) {
    each(page, &families::AGENT_CPU, rows, |health| {
        health.cpu_permille.map(|permille| Value::Scaled { value: i64::from(permille), decimals: 3 })
    });
    each(page, &families::AGENT_MEMORY_TOTAL, rows, |health| health.memory_total_kib.map(kib));
    each(page, &families::AGENT_MEMORY_AVAILABLE, rows, |health| health.memory_available_kib.map(kib));
    each(page, &families::AGENT_SWAP_USED, rows, |health| health.swap_used_kib.map(kib));
    each(page, &families::AGENT_TEMPERATURE, rows, |health| {
        health.temperature_dc.map(|tenths| Value::Scaled { value: i64::from(tenths), decimals: 1 })
    });
    each(page, &families::AGENT_UPTIME, rows, |health| health.uptime_s.map(Value::from));
    each(page, &families::AGENT_INTERFACE_RECEIVED, rows, |health| {
        health.interface_rx_bytes.map(Value::from)
    });
    each(page, &families::AGENT_INTERFACE_SENT, rows, |health| health.interface_tx_bytes.map(Value::from));
    each(page, &families::AGENT_INTERFACE_ERRORS, rows, |health| health.interface_errors.map(Value::from));
}

fn disks(rows: &[Row<'_>], page: &mut Page) {
    let mut family = |family: &'static Family, value: fn(&suar_wire::record::Disk) -> u64| {
        let mut samples = page.family(family);
        for row in rows {
            let disks = row.health(family).map_or(&[][..], |health| health.disks.as_slice());
            for (at, disk) in disks.iter().enumerate() {
                // A series that stands twice would spoil the page; which mounts there are is the agent's word.
                if disks[..at].iter().any(|before| before.mount == disk.mount) {
                    continue;
                }
                samples.sample(&[row.site, &row.agent, &disk.mount], value(disk));
            }
        }
    };
    const MIB: u64 = 1024 * 1024;
    family(&families::AGENT_DISK_TOTAL, |disk| disk.total_mib.saturating_mul(MIB));
    family(&families::AGENT_DISK_FREE, |disk| disk.free_mib.saturating_mul(MIB));
    family(&families::AGENT_DISK_READ_ONLY, |disk| u64::from(disk.read_only));
}

fn attachment(rows: &[Row<'_>], page: &mut Page) {
    const BYTES_A_SECOND: u64 = 1_000_000 / 8;
    let labels: Vec<&'static str> = Medium::ALL.iter().map(|medium| medium.label()).collect();
    let mut links = page.family(&families::AGENT_LINK);
    for (row, medium) in rows.iter().filter_map(|row| Some((row, row.attachment()?.medium?))) {
        links.one_of(&[row.site, &row.agent], &labels, medium.label());
    }
    let mut each = |family: &'static Family, value: fn(&Attachment) -> Option<Value>| {
        let mut samples = page.family(family);
        for row in rows {
            samples.maybe(&[row.site, &row.agent], row.attachment().and_then(value));
        }
    };
    each(&families::AGENT_LINK_SPEED, |told| Some((u64::from(told.speed_mbps?) * BYTES_A_SECOND).into()));
    each(&families::AGENT_MAINS, |told| Some(u64::from(told.on_mains?).into()));
    each(&families::AGENT_BATTERY, |told| {
        let percent = told.battery_percent.filter(|percent| *percent <= 100)?;
        Some(Value::Scaled { value: i64::from(percent), decimals: 2 })
    });
}

fn program(rows: &[Row<'_>], page: &mut Page) {
    each(page, &families::AGENT_RSS, rows, |health| health.agent_rss_kib.map(kib));
    each(page, &families::AGENT_CPU_SECONDS, rows, |health| {
        health.agent_cpu_ms.map(|ms| Value::millis(i64::try_from(ms).unwrap_or(i64::MAX)))
    });
    each(page, &families::AGENT_SPOOL_RECORDS, rows, |health| Some(health.spool_records.into()));
    each(page, &families::AGENT_SPOOL_BYTES, rows, |health| Some(health.spool_bytes.into()));
    each(page, &families::AGENT_SPOOL_BOUND, rows, |health| health.spool_bytes_max.map(Value::from));
    each(page, &families::AGENT_SPOOL_DROPPED, rows, |health| Some(health.spool_dropped.into()));
}

/// What monitoring has cost in the running month; it stays true while the agent is silent, the step does not.
fn data_use(rows: &[Row<'_>], page: &mut Page) {
    let mut used = page.family(&families::AGENT_DATA);
    for (row, data) in rows.iter().filter_map(|row| Some((row, row.data?))) {
        for one in &data.used {
            let purpose = one.purpose.label();
            used.sample(&[row.site, &row.agent, purpose, "sent"], one.sent);
            used.sample(&[row.site, &row.agent, purpose, "received"], one.received);
        }
    }
    let mut allowances = page.family(&families::AGENT_DATA_ALLOWANCE);
    for row in rows {
        let allowance = row.data.and_then(|data| data.allowance_bytes);
        allowances.maybe(&[row.site, &row.agent], allowance.map(Value::from));
    }
    let labels: Vec<&'static str> = Step::ALL.iter().map(|step| step.label()).collect();
    let mut steps = page.family(&families::AGENT_DATA_STEP);
    for (row, data) in rows.iter().filter_map(|row| Some((row, row.newest_data()?))) {
        steps.one_of(&[row.site, &row.agent], &labels, data.step.label());
    }
    let mut metered = page.family(&families::AGENT_METERED);
    for row in rows {
        let value = row.newest_data().and_then(|data| data.metered);
        metered.maybe(&[row.site, &row.agent], value.map(|yes| Value::from(u64::from(yes))));
    }
}

fn kib(value: u64) -> Value {
    value.saturating_mul(1024).into()
}

/// One sample an agent, where its machine told the value.
fn each(
    page: &mut Page,
    family: &'static Family,
    rows: &[Row<'_>],
    value: impl Fn(&Health) -> Option<Value>,
) {
    let mut samples = page.family(family);
    for row in rows {
        samples.maybe(&[row.site, &row.agent], row.health(family).and_then(&value));
    }
}
