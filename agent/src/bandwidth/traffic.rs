//! What goes over the machine's interfaces, whoever causes it.

use std::time::Instant;

use suar_wire::bandwidth::Direction;
use sysinfo::Networks;

/// The counters of one moment.
#[derive(Debug)]
pub struct Look {
    at: Instant,
    /// Name, received, sent.
    interfaces: Vec<(String, u64, u64)>,
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
        tokio::task::spawn_blocking(|| {
            let networks = Networks::new_with_refreshed_list().ok()?;
            let interfaces = networks
                .iter()
                .map(|(name, network)| (name.to_string_lossy(), network))
                .filter(|(name, _)| name != "lo" && !name.starts_with("Loopback"))
                .map(|(name, network)| {
                    (name.into_owned(), network.total_received(), network.total_transmitted())
                })
                .collect();
            Some(Self { at: Instant::now(), interfaces })
        })
        .await
        .ok()?
    }

    pub fn since(&self, before: &Self) -> Cross {
        let elapsed_s = self.at.duration_since(before.at).as_secs_f64().max(0.001);
        let bps = |bytes: u64| (bytes as f64 * 8.0 / elapsed_s) as u64;
        let mut cross = Cross { download_bps: 0, upload_bps: 0 };
        for (name, received, sent) in &self.interfaces {
            let Some((_, received_before, sent_before)) =
                before.interfaces.iter().find(|(known, _, _)| known == name)
            else {
                continue;
            };
            cross.download_bps = cross.download_bps.max(bps(received.saturating_sub(*received_before)));
            cross.upload_bps = cross.upload_bps.max(bps(sent.saturating_sub(*sent_before)));
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
        let interface = |name: &str, received, sent| (name.to_owned(), received, sent);
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
