//! The two languages in which the agent speaks to the people at an office.

use serde::{Deserialize, Serialize};

/// Written `id` and `en` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Indonesian.
    #[default]
    Id,
    /// English.
    En,
}
