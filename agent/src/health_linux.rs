//! Linux: interface counters from `/proc/net/dev`.

use std::fs;
use std::path::Path;

use super::Traffic;

/// Adds up the physical interfaces; where there is none (containers), all but loopback.
pub fn traffic(root: &Path) -> Option<Traffic> {
    let text = fs::read_to_string(root.join("proc/net/dev")).ok()?;
    let interfaces: Vec<(&str, Traffic)> = text.lines().filter_map(interface).collect();
    let is_physical = |name: &str| root.join("sys/class/net").join(name).join("device").exists();
    let physical: Vec<_> = interfaces.iter().filter(|(name, _)| is_physical(name)).collect();
    let counted = if physical.is_empty() { interfaces.iter().collect() } else { physical };
    let sum = counted.iter().fold(Traffic::default(), |sum, (_, one)| Traffic {
        rx_bytes: sum.rx_bytes.saturating_add(one.rx_bytes),
        tx_bytes: sum.tx_bytes.saturating_add(one.tx_bytes),
        errors: sum.errors.saturating_add(one.errors),
    });
    (!counted.is_empty()).then_some(sum)
}

/// `name: rx bytes, packets, errors, drops, ... (8 columns), tx bytes, packets, errors, ...`
fn interface(line: &str) -> Option<(&str, Traffic)> {
    let (name, numbers) = line.split_once(':')?;
    let name = name.trim();
    let numbers: Vec<u64> = numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let at = |column: usize| numbers.get(column).copied();
    let traffic = Traffic { rx_bytes: at(0)?, tx_bytes: at(8)?, errors: at(2)?.saturating_add(at(10)?) };
    (name != "lo").then_some((name, traffic))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  1000       10    0    0    0     0          0         0     1000       10    0    0    0     0       0          0
  eth0: 50000      500    1    0    0     0          0         0    20000      300    2    0    0     0       0          0
docker0:  7000       70    0    0    0     0          0         0     9000       90    0    0    0     0       0          0
";

    #[test]
    fn physical_interfaces_are_added_up_and_virtual_ones_only_where_there_is_no_other() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(traffic(root.path()), None);
        fs::create_dir_all(root.path().join("proc/net")).expect("made");
        fs::write(root.path().join("proc/net/dev"), DEV).expect("written");
        let all = Traffic { rx_bytes: 57_000, tx_bytes: 29_000, errors: 3 };
        assert_eq!(traffic(root.path()), Some(all));
        fs::create_dir_all(root.path().join("sys/class/net/eth0/device")).expect("made");
        let physical = Traffic { rx_bytes: 50_000, tx_bytes: 20_000, errors: 3 };
        assert_eq!(traffic(root.path()), Some(physical));
    }
}
