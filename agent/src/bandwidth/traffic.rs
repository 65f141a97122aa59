//! What goes over the machine's interfaces, whoever causes it.

use std::path::Path;
use std::time::Instant;

use suar_wire::bandwidth::Direction;

use crate::interfaces::{Interface, interfaces};

/// The counters of one moment.
#[derive(Debug)]
pub struct Look {
    at: Instant,
    interfaces: Vec<Interface>,
}

/// Bits a second between two looks, of the busiest interface: packets that pass a bridge or a tunnel are in the
/// counters of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cross {
    pub download_bps: u64,
    pub upload_bps: u64,
}

impl Cross {
    pub fn of(self, direction: Direction) -> u64 {
        match direction {
            Direction::Download => self.download_bps,
            Direction::Upload => self.upload_bps,
        }
    }
}

impl Look {
    /// `None` where the system does not tell.
    pub async fn now() -> Option<Self> {
        let look = || Some(Self { at: Instant::now(), interfaces: interfaces(Path::new("/"))? });
        tokio::task::spawn_blocking(look).await.ok()?
    }

    pub fn since(&self, before: &Self) -> Cross {
        let elapsed_s = self.at.duration_since(before.at).as_secs_f64().max(0.001);
        let bps = |bytes: u64| (bytes as f64 * 8.0 / elapsed_s) as u64;
        let mut cross = Cross { download_bps: 0, upload_bps: 0 };
        for now in &self.interfaces {
            let Some(then) = before.interfaces.iter().find(|known| known.name == now.name) else { continue };
            cross.download_bps = cross.download_bps.max(bps(now.rx_bytes.saturating_sub(then.rx_bytes)));
            cross.upload_bps = cross.upload_bps.max(bps(now.tx_bytes.saturating_sub(then.tx_bytes)));
        }
        cross
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_busiest_interface_counts_and_one_that_came_in_between_does_not() {
        let at = Instant::now();
        let interface = |name: &str, rx_bytes, tx_bytes| Interface {
            name: name.to_owned(),
            is_physical: true,
            rx_bytes,
            tx_bytes,
            errors: 0,
        };
        let before = Look { at, interfaces: vec![interface("eth0", 1_000, 0), interface("tun0", 0, 0)] };
        let after = Look {
            at: at + Duration::from_secs(2),
            interfaces: vec![
                interface("eth0", 3_000, 500),
                interface("tun0", 1_900, 400),
                interface("new0", 9_999_999, 9_999_999),
            ],
        };
        assert_eq!(after.since(&before), Cross { download_bps: 8_000, upload_bps: 2_000 });
    }
}
