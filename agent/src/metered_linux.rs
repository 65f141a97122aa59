//! Linux: NetworkManager's word, by one property read over the system bus.

use std::path::PathBuf;

use crate::dbus_linux::{Bus, Call, Value};

const BUS: &str = "/run/dbus/system_bus_socket";
const BUS_VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// Machines without NetworkManager, or without a bus, say nothing: that is no trouble.
pub fn look() -> Option<bool> {
    let property = Call {
        destination: "org.freedesktop.NetworkManager",
        path: "/org/freedesktop/NetworkManager",
        interface: "org.freedesktop.DBus.Properties",
        member: "Get",
        arguments: &["org.freedesktop.NetworkManager", "Metered"],
    };
    match Bus::connect(&bus()).and_then(|mut bus| bus.call(&property)) {
        Ok(Value::Number(metered)) => meaning(metered),
        Ok(Value::Other) => None,
        Err(error) => {
            tracing::debug!(%error, "NetworkManager does not say whether the connection is metered");
            None
        }
    }
}

/// As `dbus-daemon` writes addresses; other transports than a socket's path are not for system buses.
fn bus() -> PathBuf {
    let address = std::env::var(BUS_VARIABLE).unwrap_or_default();
    let path = address.split(';').find_map(|one| one.strip_prefix("unix:path="));
    PathBuf::from(path.and_then(|path| path.split(',').next()).unwrap_or(BUS))
}

/// `NMMetered`: yes, no, and the same as a guess; a guess is what there is without an entry of the user.
fn meaning(metered: u32) -> Option<bool> {
    match metered {
        1 | 3 => Some(true),
        2 | 4 => Some(false),
        _ => None,
    }
}
