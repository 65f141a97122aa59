//! Recorded machines, as they were and with what goes wrong on them; then the machine that this test runs on.

use std::fs;

use suar_wire::record::Medium;
use tempfile::TempDir;

use super::*;

const LAPTOP: &str = include_str!("../../tests/machines/laptop.txt");

struct Machine(TempDir);

impl Machine {
    fn recorded(text: &str) -> Self {
        let machine = Self(tempfile::tempdir().expect("a directory"));
        // Before the first mark stands what it is.
        for file in text.split("\n== ").skip(1) {
            let (path, content) = file.split_once('\n').unwrap_or((file, ""));
            machine.set(path, content);
        }
        machine
    }

    fn set(&self, path: &str, content: &str) {
        let is_directory = path.ends_with('/');
        let path = self.0.path().join(path);
        if is_directory {
            return fs::create_dir_all(path).expect("made");
        }
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, format!("{content}\n")).expect("written");
    }

    fn remove(&self, path: &str) {
        let path = self.0.path().join(path);
        fs::remove_dir_all(path).expect("removed");
    }

    fn look(&self) -> Health {
        Watcher::at(self.0.path()).look()
    }

    fn attachment(&self) -> Attachment {
        self.look().attachment.expect("always looked for")
    }
}

#[test]
fn a_laptop_is_seen_as_it_is() {
    let machine = Machine::recorded(LAPTOP);
    let mut watcher = Watcher::at(machine.0.path());
    let first = watcher.look();
    assert_eq!(first.cpu_permille, None, "nothing to compare with");
    assert_eq!(first.memory_total_kib, Some(4_028_436));
    assert_eq!(first.memory_available_kib, Some(1_520_128));
    assert_eq!(first.swap_used_kib, Some(2_097_148 - 2_040_316));
    assert_eq!(first.uptime_s, Some(86_412));
    assert_eq!(first.temperature_dc, Some(513), "the disk's own is not asked for");
    assert_eq!((first.interface_rx_bytes, first.interface_tx_bytes), (Some(750_000), Some(110_000)));
    assert_eq!(first.interface_errors, Some(7), "of the cards, without the bridge");
    assert_eq!(first.agent_rss_kib, Some(5_296));
    assert_eq!(first.agent_cpu_ms, Some(1_000), "a hundred ticks");
    let laptop = Attachment {
        medium: Some(Medium::Wifi),
        speed_mbps: None,
        on_mains: Some(true),
        battery_percent: Some(96),
    };
    assert_eq!(first.attachment, Some(laptop));

    machine.set("proc/stat", "cpu  10030 200 3010 80900 860 0 100 0 5 0");
    assert_eq!(watcher.look().cpu_permille, Some(40), "40 of 1000 ticks");
    machine.set("proc/stat", "cpu  10 200 3010 80900 860 0 100 0 5 0");
    assert_eq!(watcher.look().cpu_permille, None, "the counters went back");
}

#[test]
fn file_systems_are_told_once_and_read_only_when_they_are_and_not_when_a_sandbox_shows_them_so() {
    let disks = Machine::recorded(LAPTOP).look().disks;
    let mut told: Vec<_> = disks.iter().map(|disk| (disk.mount.as_str(), disk.read_only)).collect();
    assert_eq!(told[0], ("/", false));
    told.sort_unstable();
    assert_eq!(told, [("/", false), ("/boot/efi", false), ("/data lama", true)]);
    assert!(disks.iter().all(|disk| disk.total_mib > 0 && disk.free_mib <= disk.total_mib));
}

#[test]
fn nothing_that_names_a_person_or_a_device_is_told() {
    let told = serde_json::to_string(&Machine::recorded(LAPTOP).look()).expect("it can be written");
    for secret in ["siti", "rumah", "flashdisk", "02:5a", "enp3s0", "bat0", "sn-"] {
        assert!(!told.to_lowercase().contains(secret), "{secret}: {told}");
    }
}

#[test]
fn the_link_is_that_of_the_way_out_whatever_it_hangs_on() {
    let machine = Machine::recorded(LAPTOP);
    let way_out = |interface: &str| {
        let route = format!("head\n{interface}\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0");
        machine.set("proc/net/route", &route);
        let Attachment { medium, speed_mbps, .. } = machine.attachment();
        (medium, speed_mbps)
    };
    machine.set("sys/class/net/enp3s0/carrier", "1");
    machine.set("sys/class/net/enp3s0/speed", "100");
    assert_eq!(way_out("enp3s0"), (Some(Medium::Cable), Some(100)));
    machine.set("sys/class/net/wwan0/uevent", "DEVTYPE=wwan");
    assert_eq!(way_out("wwan0"), (Some(Medium::Mobile), None));
    machine.set("sys/class/net/usb0/device/uevent", "DRIVER=rndis_host");
    machine.set("sys/class/net/usb0/type", "1");
    assert_eq!(way_out("usb0"), (Some(Medium::Mobile), None), "a telephone");
    machine.set("sys/class/net/usb0/device/uevent", "DRIVER=cdc_ncm");
    assert_eq!(way_out("usb0"), (None, None), "a telephone or an adapter");
    machine.set("sys/class/net/br0/uevent", "DEVTYPE=bridge");
    machine.set("sys/class/net/br0/type", "1");
    assert_eq!(way_out("br0"), (None, None), "what is under it is not said");
    machine.set("sys/class/net/wlx1/wireless/", "");
    assert_eq!(way_out("wlx1"), (Some(Medium::Wifi), None), "a driver from elsewhere");
}

#[test]
fn power_is_told_where_something_would_carry_the_machine_without_mains() {
    const SUPPLY: &str = "sys/class/power_supply";
    let machine = Machine::recorded(LAPTOP);
    let power = || {
        let Attachment { on_mains, battery_percent, .. } = machine.attachment();
        (on_mains, battery_percent)
    };
    machine.set(&format!("{SUPPLY}/AC/online"), "0");
    machine.set(&format!("{SUPPLY}/BAT0/status"), "Discharging");
    assert_eq!(power(), (Some(false), Some(96)));
    machine.set(&format!("{SUPPLY}/AC/online"), "1");
    assert_eq!(power(), (Some(true), Some(96)), "a weak charger");
    machine.remove(&format!("{SUPPLY}/AC"));
    assert_eq!(power(), (Some(false), Some(96)), "by the battery's own word");
    machine.set(&format!("{SUPPLY}/ups/type"), "UPS");
    machine.set(&format!("{SUPPLY}/ups/status"), "Full");
    machine.set(&format!("{SUPPLY}/ups/capacity"), "100");
    assert_eq!(power(), (Some(false), Some(98)), "one that drains is enough; the mean of both");
    machine.set(&format!("{SUPPLY}/BAT0/present"), "0");
    assert_eq!(power(), (Some(true), Some(100)), "the bay is empty");
    machine.remove(&format!("{SUPPLY}/ups"));
    assert_eq!(power(), (None, None), "the mouse carries nobody");
}

#[test]
fn sensors_and_counters_that_return_nonsense_are_left_out_and_the_others_are_told() {
    let machine = Machine::recorded(LAPTOP);
    for (path, content) in [
        ("sys/class/thermal/thermal_zone0/temp", "-273000"),
        ("sys/class/thermal/thermal_zone1/temp", "99999999999999999999999"),
        ("sys/class/thermal/thermal_zone2/temp", ""),
        ("sys/class/hwmon/hwmon0/temp1_input", "127000"),
        ("sys/class/hwmon/hwmon0/temp2_input", "hangat"),
        ("sys/class/power_supply/BAT0/capacity", "255"),
        ("sys/class/power_supply/BAT0/status", "Unknown"),
        ("sys/class/power_supply/AC/online", "-1"),
        ("proc/stat", "cpu  1 2"),
        ("proc/uptime", "NaN inf"),
        ("proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 900 kB\nSwapTotal: 1 kB\nSwapFree: 7 kB"),
        ("proc/self/stat", "4711 (a) S"),
        ("proc/self/status", "VmRSS: many"),
        ("proc/net/dev", "enp3s0: 1 2 3\nwlan0: -1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"),
        ("proc/self/mountinfo", "22 1 8:2 / / rw - \n - - - -\n\n22 1 8:2 / /nowhere rw - ext4 /dev/sda2 rw"),
        ("proc/net/route", "RumahSiti5G\t0\t\u{fffd}\n"),
    ] {
        machine.set(path, content);
    }
    let mut watcher = Watcher::at(machine.0.path());
    watcher.look();
    let nothing_but_total =
        Health { memory_total_kib: Some(100), attachment: Some(Attachment::default()), ..Health::default() };
    assert_eq!(watcher.look(), nothing_but_total);
    machine.set("sys/class/hwmon/hwmon0/temp3_input", "44000");
    assert_eq!(watcher.look().temperature_dc, Some(440), "a good one among them");
}

#[test]
fn a_machine_without_any_of_these_files_is_looked_at_all_the_same() {
    let empty = tempfile::tempdir().expect("a directory");
    let nothing = Health { attachment: Some(Attachment::default()), ..Health::default() };
    assert_eq!(Watcher::at(empty.path()).look(), nothing);
}

#[test]
fn this_machine_is_seen_and_values_are_believable() {
    let mut watcher = Watcher::new();
    let first = watcher.look();
    let total = first.memory_total_kib.expect("memory");
    assert!(first.memory_available_kib.is_some_and(|available| available <= total));
    assert!(first.agent_rss_kib.is_some_and(|rss| rss > 100 && rss < total));
    assert!(first.uptime_s.is_some() && first.agent_cpu_ms.is_some());
    assert!(first.disks.len() <= Health::DISKS_MAX);
    assert_eq!(first.disks.first().map(|disk| disk.mount.as_str()), Some("/"));
    let second = watcher.look();
    assert!(second.agent_cpu_ms >= first.agent_cpu_ms);
}
