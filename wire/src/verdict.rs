//! What an agent decides about one slot. The rules that lead here are the agent's; the words are shared.

use serde::{Deserialize, Serialize};

/// The state of the office's link in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Up,
    Down(Cause),
}

/// Why a link is down. A closed set; the numbers are wire format and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No interface with an address: cable or Wi-Fi off.
    NoNetwork,
    /// The office's own router does not answer and nothing beyond does.
    Gateway,
    /// The router answers, nothing beyond does.
    Internet,
    /// Addresses answer, names do not.
    Dns,
    /// Something answers in the name of others: captive portal or used-up quota.
    CaptivePortal,
}

impl Cause {
    pub const ALL: [Self; 5] =
        [Self::NoNetwork, Self::Gateway, Self::Internet, Self::Dns, Self::CaptivePortal];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoNetwork => "no_network",
            Self::Gateway => "gateway",
            Self::Internet => "internet",
            Self::Dns => "dns",
            Self::CaptivePortal => "captive_portal",
        }
    }
}

impl Verdict {
    pub fn is_up(self) -> bool {
        self == Self::Up
    }

    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Up => None,
            Self::Down(cause) => Some(cause),
        }
    }

    /// Wire number: 1 up, from 10 on down with a cause.
    pub fn code(self) -> u32 {
        match self {
            Self::Up => 1,
            Self::Down(Cause::NoNetwork) => 10,
            Self::Down(Cause::Gateway) => 11,
            Self::Down(Cause::Internet) => 12,
            Self::Down(Cause::Dns) => 13,
            Self::Down(Cause::CaptivePortal) => 14,
        }
    }

    pub fn from_code(code: u32) -> Option<Self> {
        std::iter::once(Self::Up)
            .chain(Cause::ALL.into_iter().map(Self::Down))
            .find(|verdict| verdict.code() == code)
    }
}

/// What else a round noticed that does not make the link down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    #[default]
    None,
    /// The internet is there, our collector is not: our trouble, not the office's.
    CollectorUnreachable,
    /// The machine's clock is wrong enough to break certificates.
    ClockWrong,
    /// ICMP is refused or blocked; round trips were measured by TCP connect.
    IcmpUnavailable,
}

impl Note {
    pub const ALL: [Self; 4] =
        [Self::None, Self::CollectorUnreachable, Self::ClockWrong, Self::IcmpUnavailable];

    pub fn code(self) -> u32 {
        match self {
            Self::None => 0,
            Self::CollectorUnreachable => 1,
            Self::ClockWrong => 2,
            Self::IcmpUnavailable => 3,
        }
    }

    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.code() == code)
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::CollectorUnreachable => "collector_unreachable",
            Self::ClockWrong => "clock_wrong",
            Self::IcmpUnavailable => "icmp_unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_and_note_comes_back_from_its_number() {
        for cause in Cause::ALL {
            let verdict = Verdict::Down(cause);
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
        assert_eq!(Verdict::from_code(1), Some(Verdict::Up));
        assert_eq!(Verdict::from_code(0), None);
        for note in Note::ALL {
            assert_eq!(Note::from_code(note.code()), Some(note));
        }
    }
}
