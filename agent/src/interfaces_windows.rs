//! Windows: the rows of `GetIfTable2`. Not seen on a real Windows yet.

use std::path::Path;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    FreeMibTable, GetIfTable2, IF_TYPE_SOFTWARE_LOOPBACK, MIB_IF_ROW2, MIB_IF_TABLE2,
};

use super::Interface;

/// Bits of `InterfaceAndOperStatusFlags`: backed by a card; a filter that counts the packets of another row again.
const HARDWARE: u8 = 1 << 0;
const FILTER: u8 = 1 << 1;

/// `None` where the system does not tell.
pub fn interfaces(_root: &Path) -> Option<Vec<Interface>> {
    let told = rows()?;
    Some(told.iter().filter(|row| is_told(row)).map(interface).collect())
}

fn is_told(row: &MIB_IF_ROW2) -> bool {
    row.Type != IF_TYPE_SOFTWARE_LOOPBACK && row.InterfaceAndOperStatusFlags._bitfield & FILTER == 0
}

/// Whether a card is behind it.
pub fn is_hardware(row: &MIB_IF_ROW2) -> bool {
    row.InterfaceAndOperStatusFlags._bitfield & HARDWARE != 0
}

fn interface(row: &MIB_IF_ROW2) -> Interface {
    Interface {
        name: row.InterfaceIndex.to_string(),
        is_physical: is_hardware(row),
        rx_bytes: row.InOctets,
        tx_bytes: row.OutOctets,
        errors: row.InErrors.saturating_add(row.OutErrors),
    }
}

/// Every row of the system's table.
pub fn rows() -> Option<Vec<MIB_IF_ROW2>> {
    let mut table: *mut MIB_IF_TABLE2 = std::ptr::null_mut();
    // SAFETY: the system stores the address of a table of its own, which is copied and given back; the rows follow
    // each other in it, as many as it says.
    unsafe {
        if GetIfTable2(&raw mut table) != ERROR_SUCCESS || table.is_null() {
            return None;
        }
        let first = (&raw const (*table).Table).cast::<MIB_IF_ROW2>();
        let rows = std::slice::from_raw_parts(first, (*table).NumEntries as usize).to_vec();
        FreeMibTable(table.cast());
        Some(rows)
    }
}
