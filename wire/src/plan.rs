//! The plan: what an agent is to do, handed out by the collector, checked again before it is used.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::outcome::coded;
use crate::release::Offer;
use crate::slot::SlotWidth;

/// Every duration in whole seconds, every target an address: a plan must work while names do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Another with every change.
    pub version: u32,
    pub slot_seconds: SlotWidth,
    /// External addresses to ping; 2 to 8, several operators, never one.
    pub targets: Vec<IpAddr>,
    /// Echoes to each target in a round: 1, or 6 in the fine profile.
    pub echoes: u8,
    /// A public resolver asked directly, so that a broken office resolver can be told apart.
    pub public_resolver: IpAddr,
    /// The name asked of both resolvers.
    pub dns_name: String,
    /// Rounds from one DNS probe to the next; 1 is every round.
    pub dns_every: u32,
    /// Plain HTTP address of the online check (`http://host:port/v1/online`); none: not done.
    pub online_url: Option<String>,
    /// Rounds from one online and collector probe to the next.
    pub online_every: u32,
    pub push_seconds: u32,
    pub health_seconds: u32,
    /// What this agent may use in a calendar month; none: there is no bound.
    #[serde(default)]
    pub allowance_bytes: Option<u64>,
    /// Whether the office's connection is paid by the byte; none: the agent asks its system.
    #[serde(default)]
    pub metered: Option<bool>,
    /// Minutes that the office's clock is ahead of UTC: when its months begin.
    #[serde(default = "Plan::western_indonesia")]
    pub utc_offset_minutes: i16,
    /// The program that agents are to run; none: the one they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Offer>,
}

impl Plan {
    pub const TARGETS_MAX: usize = 8;
    pub const ECHOES_MAX: u8 = 10;

    /// The shipped plan: three operators' anycast resolvers as targets, one echo each a minute.
    pub fn standard() -> Self {
        Self {
            version: 1,
            slot_seconds: SlotWidth::STANDARD,
            targets: [[1, 1, 1, 1], [8, 8, 8, 8], [9, 9, 9, 9]].map(IpAddr::from).to_vec(),
            echoes: 1,
            public_resolver: IpAddr::from([1, 1, 1, 1]),
            dns_name: "go.id".to_owned(),
            dns_every: 5,
            online_url: None,
            online_every: 30,
            push_seconds: 300,
            health_seconds: 600,
            allowance_bytes: None,
            metered: None,
            utc_offset_minutes: Self::western_indonesia(),
            program: None,
        }
    }

    /// WIB.
    fn western_indonesia() -> i16 {
        7 * 60
    }

    /// Every mistake, each as one sentence that names the key.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut within = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                mistakes.push(format!("{key}: {value} is outside {low} to {high}"));
            }
        };
        within("targets", self.targets.len() as u64, 2, Self::TARGETS_MAX as u64);
        within("echoes", u64::from(self.echoes), 1, u64::from(Self::ECHOES_MAX));
        within("dns_every", u64::from(self.dns_every), 1, 10_000);
        within("online_every", u64::from(self.online_every), 1, 10_000);
        within("push_seconds", u64::from(self.push_seconds), 1, 86_400);
        within("health_seconds", u64::from(self.health_seconds), 1, 86_400);
        // The zones of the world, from 12 hours behind to 14 ahead.
        if !(-720..=840).contains(&self.utc_offset_minutes) {
            mistakes.push(format!("utc_offset_minutes: {} is outside -720 to 840", self.utc_offset_minutes));
        }
        for target in self.targets.iter().chain([&self.public_resolver]) {
            if target.is_unspecified() || target.is_multicast() {
                mistakes.push(format!("targets: {target} is no address of a host"));
            }
        }
        // A trial on one machine has no others.
        let is_trial = self.targets.iter().all(|target| target.is_loopback());
        for target in self.targets.iter().filter(|target| target.is_loopback() && !is_trial) {
            mistakes.push(format!(
                "targets: {target} is the machine itself, which answers whatever its link does"
            ));
        }
        let mut distinct = self.targets.clone();
        distinct.sort();
        distinct.dedup();
        if distinct.len() != self.targets.len() {
            mistakes.push("targets: an address stands twice".to_owned());
        }
        let name_ok = self.dns_name.len() <= 253
            && self.dns_name.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            });
        if !name_ok {
            mistakes.push(format!("dns_name: {:?} is no host name", self.dns_name));
        }
        if let Some(url) = &self.online_url
            && (!url.starts_with("http://") || url.len() > 200)
        {
            mistakes.push(format!("online_url: {url:?} does not start with http:// (it must be plain)"));
        }
        mistakes.extend(self.program.iter().flat_map(Offer::mistakes));
        mistakes
    }
}

coded! {
    /// What is wrong with a plan.
    PlanFault {
        /// It is none, or of a form that this version cannot read.
        Unreadable = 1 "unreadable",
        /// It asks for something that may not be.
        Mistakes = 2 "mistakes",
        /// It is in force, but the program that it names cannot be used.
        Program = 3 "program",
    }
}

/// An agent's word that it does not do what the collector's plan says, but goes on as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRefused {
    /// Of the plan that was refused.
    pub version: u32,
    pub fault: PlanFault,
    /// What exactly, for the administrator.
    pub reason: String,
}

impl PlanRefused {
    pub const REASON_BYTES_MAX: usize = 300;

    /// Cuts a reason that is longer than may be sent.
    pub fn new(version: u32, fault: PlanFault, reason: &str) -> Self {
        let end = reason.floor_char_boundary(Self::REASON_BYTES_MAX);
        Self { version, fault, reason: reason[..end].to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_plan_has_no_mistakes() {
        assert_eq!(Plan::standard().mistakes(), Vec::<String>::new());
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let refused = PlanRefused::new(2, PlanFault::Mistakes, &"é".repeat(1000));
        assert_eq!(refused.reason, "é".repeat(PlanRefused::REASON_BYTES_MAX / 2));
        assert_eq!(PlanRefused::new(2, PlanFault::Mistakes, "short").reason, "short");
    }

    #[test]
    fn a_plan_of_a_collector_that_knows_no_allowance_has_no_bound() {
        let mut json = serde_json::to_value(Plan::standard()).expect("plain JSON");
        let keys = json.as_object_mut().expect("an object");
        for key in ["allowance_bytes", "metered", "utc_offset_minutes"] {
            assert!(keys.remove(key).is_some(), "{key}");
        }
        assert_eq!(serde_json::from_value::<Plan>(json).ok(), Some(Plan::standard()));
    }

    #[test]
    fn a_target_that_is_the_machine_itself_would_hide_every_outage() {
        let with =
            |targets: [[u8; 4]; 2]| Plan { targets: targets.map(IpAddr::from).into(), ..Plan::standard() };
        let mixed = with([[127, 0, 0, 1], [1, 1, 1, 1]]).mistakes();
        let [mistake] = &mixed[..] else { panic!("{mixed:?}") };
        assert!(mistake.starts_with("targets: 127.0.0.1 is the machine itself"), "{mistake}");
        assert_eq!(with([[127, 0, 0, 2], [127, 0, 0, 3]]).mistakes(), Vec::<String>::new(), "a trial");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let plan = Plan {
            targets: vec![IpAddr::from([0, 0, 0, 0])],
            echoes: 0,
            dns_name: "a b".to_owned(),
            push_seconds: 0,
            online_url: Some("https://x".to_owned()),
            utc_offset_minutes: 900,
            ..Plan::standard()
        };
        assert_eq!(plan.mistakes().len(), 7, "{:?}", plan.mistakes());
    }
}
