//! How much all tests may send: at once, and in a day by agent, by address and in all.
//!
//! A test reserves the most it can cost and gives back what it did not spend. Pure but for its lock: the
//! moment is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use suar_wire::AgentId;

use super::Options;

const DAY: Duration = Duration::from_secs(86_400);
/// Most agents or addresses of one day that are remembered; nobody new tests beyond that.
const KEYS_MAX: usize = 200_000;
pub const MB: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("as many tests as the collector's line bears are running")]
    AtOnce,
    #[error("this agent has spent what its tests may send in a day")]
    Agent,
    #[error("this address has spent what its tests may send in a day")]
    Address,
    #[error("the collector has spent what all tests may send in a day")]
    All,
}

impl Full {
    pub const ALL: [Self; 4] = [Self::AtOnce, Self::Agent, Self::Address, Self::All];

    /// The stable word, in metric labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::AtOnce => "tests_at_once",
            Self::Agent => "agent_bytes",
            Self::Address => "address_bytes",
            Self::All => "all_bytes",
        }
    }
}

#[derive(Debug)]
struct Spent {
    begun: Instant,
    running: usize,
    all: u64,
    agents: HashMap<AgentId, u64>,
    addresses: HashMap<IpAddr, u64>,
}

#[derive(Debug)]
pub struct Quota {
    options: Options,
    spent: Mutex<Spent>,
}

/// What one running test may spend. Dropping it gives the rest back.
#[derive(Debug)]
pub struct Reservation {
    quota: Arc<Quota>,
    agent: AgentId,
    address: IpAddr,
    pub bytes_max: u64,
    begun: Instant,
    spent: u64,
}

impl Quota {
    pub fn new(options: Options, now: Instant) -> Self {
        let spent =
            Spent { begun: now, running: 0, all: 0, agents: HashMap::new(), addresses: HashMap::new() };
        Self { options, spent: Mutex::new(spent) }
    }

    pub fn reserve(
        self: &Arc<Self>,
        agent: AgentId,
        address: IpAddr,
        now: Instant,
    ) -> Result<Reservation, Full> {
        let Options { tests_at_once, test_mb_max, agent_day_mb_max, address_day_mb_max, day_mb_max, .. } =
            self.options;
        let bytes_max = u64::from(test_mb_max) * MB;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(spent.begun) >= DAY {
            (spent.begun, spent.all) = (now, 0);
            spent.agents.clear();
            spent.addresses.clear();
        }
        if spent.running >= tests_at_once {
            return Err(Full::AtOnce);
        }
        if !has_room(&spent.agents, &agent, bytes_max, agent_day_mb_max) {
            return Err(Full::Agent);
        }
        if !has_room(&spent.addresses, &address, bytes_max, address_day_mb_max) {
            return Err(Full::Address);
        }
        if spent.all + bytes_max > u64::from(day_mb_max) * MB {
            return Err(Full::All);
        }
        spent.running += 1;
        spent.all += bytes_max;
        *spent.agents.entry(agent).or_default() += bytes_max;
        *spent.addresses.entry(address).or_default() += bytes_max;
        let begun = spent.begun;
        Ok(Reservation { quota: Arc::clone(self), agent, address, bytes_max, begun, spent: 0 })
    }
}

fn has_room<K: Eq + Hash>(known: &HashMap<K, u64>, key: &K, bytes: u64, mb_max: u32) -> bool {
    let before = known.get(key).copied();
    let remembered = before.is_some() || known.len() < KEYS_MAX;
    remembered && before.unwrap_or(0) + bytes <= u64::from(mb_max) * MB
}

impl Reservation {
    /// Bytes that may still be spent.
    pub fn left(&self) -> u64 {
        self.bytes_max.saturating_sub(self.spent)
    }

    pub fn spend(&mut self, bytes: u64) {
        self.spent = self.spent.saturating_add(bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let back = self.left();
        let mut spent = self.quota.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.running -= 1;
        // A day that ended meanwhile knows nothing of this test.
        if spent.begun != self.begun {
            return;
        }
        spent.all -= back;
        if let Some(of_agent) = spent.agents.get_mut(&self.agent) {
            *of_agent -= back;
        }
        if let Some(of_address) = spent.addresses.get_mut(&self.address) {
            *of_address -= back;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(options: Options) -> (Arc<Quota>, Instant) {
        let now = Instant::now();
        (Arc::new(Quota::new(options, now)), now)
    }

    fn options() -> Options {
        Options {
            tests_a_day: 4,
            udp: false,
            tests_at_once: 2,
            mbps_max: 100,
            test_mb_max: 10,
            agent_day_mb_max: 25,
            address_day_mb_max: 35,
            day_mb_max: 60,
        }
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// A test that spends this many MB; what stood in the way, if anything did.
    fn spend(quota: &Arc<Quota>, agent: u8, address: IpAddr, mb: u64, now: Instant) -> Option<Full> {
        match quota.reserve(AgentId([agent; 16]), address, now) {
            Ok(mut reservation) => {
                reservation.spend(mb * MB);
                None
            }
            Err(full) => Some(full),
        }
    }

    #[test]
    fn what_a_test_did_not_spend_is_given_back() {
        let (quota, now) = quota(options());
        for _ in 0..15 {
            assert_eq!(spend(&quota, 1, HERE, 1, now), None);
        }
        assert_eq!(spend(&quota, 1, HERE, 1, now), None, "15 spent and 10 reserved are 25");
        assert_eq!(spend(&quota, 1, HERE, 1, now), Some(Full::Agent));
    }

    #[test]
    fn agents_addresses_and_all_have_bounds_of_their_own() {
        let (quota, now) = quota(options());
        assert_eq!(spend(&quota, 1, HERE, 10, now), None);
        assert_eq!(spend(&quota, 2, HERE, 10, now), None);
        assert_eq!(spend(&quota, 3, HERE, 10, now), None);
        assert_eq!(spend(&quota, 4, HERE, 10, now), Some(Full::Address));
        assert_eq!(spend(&quota, 4, THERE, 10, now), None);
        assert_eq!(spend(&quota, 5, THERE, 10, now), None);
        assert_eq!(spend(&quota, 6, THERE, 10, now), None);
        assert_eq!(spend(&quota, 7, IpAddr::from([9, 9, 9, 9]), 1, now), Some(Full::All));
        assert_eq!(spend(&quota, 7, HERE, 1, now + DAY), None, "the next day is another");
    }

    #[test]
    fn no_more_than_the_line_bears_run_at_once() {
        let (quota, now) = quota(options());
        let first = quota.reserve(AgentId([1; 16]), HERE, now).expect("the first");
        let _second = quota.reserve(AgentId([2; 16]), THERE, now).expect("the second");
        assert_eq!(spend(&quota, 3, HERE, 0, now), Some(Full::AtOnce));
        drop(first);
        assert_eq!(spend(&quota, 3, HERE, 0, now), None);
    }
}
