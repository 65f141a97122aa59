//! What came of one probe. "It failed" and "we did not look" are different values everywhere.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What came of a single-answer probe (DNS, online check, collector).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nobody looked in this round.
    #[default]
    NotSent,
    /// A right answer, this many microseconds after sending.
    Ok {
        elapsed_us: u32,
    },
    Failed(Failure),
}

impl Outcome {
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Ok { .. })
    }

    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Wire number; never changes its meaning.
            pub fn code(self) -> u32 {
                match self { $(Self::$variant => $code,)* }
            }

            pub fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The stable name, as in metric labels and JSON.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}
pub(crate) use coded;

coded! {
    /// Why a probe failed. Numbers from 2: 0 is "not sent", 1 is "ok".
    Failure {
        Timeout = 2 "timeout",
        Refused = 3 "refused",
        Unreachable = 4 "unreachable",
        /// An answer that is not the one asked for (portal, lying resolver).
        WrongAnswer = 5 "wrong_answer",
        NxDomain = 6 "nx_domain",
        ServFail = 7 "serv_fail",
        /// The certificate is not the collector's.
        CertificateWrong = 8 "certificate_wrong",
        /// The certificate's dates do not fit this machine's clock.
        CertificateTime = 9 "certificate_time",
        /// More bytes than the probe allows.
        TooLarge = 10 "too_large",
        /// This machine could not even send.
        Local = 11 "local",
        /// The other side answered with an error status.
        Status = 12 "status",
    }
}

coded! {
    /// How a round trip was measured. Different methods are never averaged together.
    EchoMethod {
        Icmp = 1 "icmp",
        /// TCP connect; a lost SYN is retried by the kernel, so it says nothing about loss.
        TcpConnect = 2 "tcp_connect",
    }
}

coded! {
    /// Why no packet went out or why an answer was an error.
    EchoError {
        /// The system refuses ICMP sockets to this program.
        NoPermission = 1 "no_permission",
        /// No route or no network.
        Unsendable = 2 "unsendable",
        /// A router said "unreachable".
        Unreachable = 3 "unreachable",
    }
}

/// The echoes of one round to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    pub target: IpAddr,
    pub method: EchoMethod,
    /// Packets that left this machine.
    pub sent: u8,
    /// Valid replies that came after the 3 s: lost all the same, counted apart.
    pub late: u8,
    /// Extra copies of replies.
    pub duplicates: u8,
    pub error: Option<EchoError>,
    /// Round-trip delays (RFC 2681) of the valid replies in time, microseconds, in sending order.
    /// `rtt_us.len()` of `sent` were answered.
    pub rtt_us: Vec<u32>,
}

impl Echo {
    /// Most echoes to one address in one round.
    pub const SENT_MAX: u8 = 64;

    pub fn received(&self) -> u8 {
        u8::try_from(self.rtt_us.len()).unwrap_or(u8::MAX)
    }

    pub fn lost(&self) -> u8 {
        self.sent.saturating_sub(self.received())
    }
}
