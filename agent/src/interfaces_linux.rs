//! Linux: interface counters from `/proc/net/dev`.

use std::fs;
use std::path::Path;

use super::Interface;

/// `None` where the system does not tell.
pub fn interfaces(root: &Path) -> Option<Vec<Interface>> {
    let text = fs::read_to_string(root.join("proc/net/dev")).ok()?;
    let is_physical = |name: &str| root.join("sys/class/net").join(name).join("device").exists();
    let told = text.lines().filter_map(interface);
    Some(told.map(|one| Interface { is_physical: is_physical(&one.name), ..one }).collect())
}

/// `name: rx bytes, packets, errors, drops, ... (8 columns), tx bytes, packets, errors, ...`
fn interface(line: &str) -> Option<Interface> {
    let (name, numbers) = line.split_once(':')?;
    let name = name.trim();
    let numbers: Vec<u64> = numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let at = |column: usize| numbers.get(column).copied();
    (name != "lo").then_some(())?;
    Some(Interface {
        name: name.to_owned(),
        is_physical: false,
        rx_bytes: at(0)?,
        tx_bytes: at(8)?,
        errors: at(2)?.saturating_add(at(10)?),
    })
}
