//! Joining: `POST /v1/join` in JSON, once in an agent's life.

use serde::{Deserialize, Serialize};

use crate::identity::{AgentId, SiteCode};
use crate::outcome::coded;
use crate::plan::Plan;

/// How long a machine whose answer was lost may ask again with the same code and the same [`JoinRequest::attempt`].
pub const AGAIN_SECONDS_MAX: u32 = 24 * 60 * 60;
pub const ATTEMPT_BYTES: usize = 16;

/// A collector ignores what it has no name for: an office may have a newer agent than the centre.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The one-time secret of the join code, hexadecimal.
    pub secret: String,
    pub site: SiteCode,
    pub agent_version: String,
    pub system: String,
    /// A random number that the machine keeps until it has its answer, hexadecimal: who shows it again is the same agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinAnswer {
    pub agent: AgentId,
    /// Bearer token, shown once; the collector keeps only its hash.
    pub token: String,
    pub site: SiteCode,
    pub site_name: String,
    /// Key of the online check's HMAC-SHA256, hexadecimal.
    pub online_key: String,
    pub plan: Plan,
    /// The public key of those who sign releases, for agents that are to update themselves. It is taken from here
    /// alone, on the day when somebody stands at the machine: whoever takes over a collector later cannot change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_key: Option<String>,
}

coded! {
    /// Why a code was not taken.
    JoinRefusal {
        UnknownCode = 1 "unknown_code",
        Expired = 2 "expired",
        UsedUp = 3 "used_up",
        WrongSite = 4 "wrong_site",
        Revoked = 5 "revoked",
    }
}

/// Body of an error answer of any endpoint for agents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErrorAnswer {
    /// A stable word, e.g. `expired`, `revoked`, `too_large`.
    pub error: String,
    /// One plain sentence in English.
    pub message: String,
}
