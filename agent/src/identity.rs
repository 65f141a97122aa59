//! Who this agent is (`identity.toml`) and what it was told to do (`plan.json`), in the state directory.
//!
//! The identity is a secret: readable by its owner alone, never printed. Both files are replaced whole, so
//! that a power cut leaves the old one or the new one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::joining::JoinAnswer;
use suar_wire::{AgentId, Plan, SiteCode};

use crate::files::{self, replace};

const IDENTITY_FILE: &str = "identity.toml";
/// The identity before it, until the records in the spool are no longer its own.
const BEFORE_FILE: &str = "identity-before.toml";
const PLAN_FILE: &str = "plan.json";
/// Most bytes that are read of either file; real ones have a few hundred.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Most bytes of a token or key; the collector's have 64.
const SECRET_BYTES_MAX: usize = 512;
/// Most characters of a site's name that are kept.
const SITE_NAME_CHARS_MAX: usize = 200;

/// A bearer token or key. Prints as `***`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl TryFrom<String> for Secret {
    type Error = String;

    /// Takes what can stand in an HTTP header, nothing else.
    fn try_from(text: String) -> Result<Self, String> {
        let fits =
            (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        // The text itself stays out of the message: it may be most of a real token.
        fits.then_some(Self(text))
            .ok_or_else(|| format!("a token has 1 to {SECRET_BYTES_MAX} visible ASCII characters"))
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> String {
        secret.0
    }
}

/// What the collector made of this agent when it joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub agent: AgentId,
    pub token: Secret,
    pub site: SiteCode,
    pub site_name: String,
    /// Key of the online check's HMAC-SHA256, hexadecimal.
    pub online_key: Secret,
}

/// Why the identity or the plan cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The cause is left out for the identity: a parser's message quotes the line, and the line is secret.
    #[error("{} is damaged ({what}); join again with `suar-agent join CODE`", path.display())]
    Damaged { path: PathBuf, what: String },
}

impl Identity {
    pub fn from_answer(answer: &JoinAnswer) -> Result<Self, String> {
        Ok(Self {
            agent: answer.agent,
            token: answer.token.clone().try_into()?,
            site: answer.site.clone(),
            site_name: answer
                .site_name
                .chars()
                .filter(|c| !c.is_control())
                .take(SITE_NAME_CHARS_MAX)
                .collect(),
            online_key: answer.online_key.clone().try_into()?,
        })
    }

    pub fn path(state: &Path) -> PathBuf {
        state.join(IDENTITY_FILE)
    }

    pub fn before_path(state: &Path) -> PathBuf {
        state.join(BEFORE_FILE)
    }

    /// `None` when this machine has not joined.
    pub fn read(state: &Path) -> Result<Option<Self>, IdentityError> {
        Self::read_file(Self::path(state))
    }

    /// `None` when the records in the spool are those of the identity itself.
    pub fn read_before(state: &Path) -> Result<Option<Self>, IdentityError> {
        Self::read_file(Self::before_path(state))
    }

    fn read_file(path: PathBuf) -> Result<Option<Self>, IdentityError> {
        let Some(text) = read_bounded(&path)? else { return Ok(None) };
        toml::from_str(&text).map(Some).map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            IdentityError::Damaged { path, what: format!("line {line}") }
        })
    }

    /// Replaces what was there.
    pub fn write(&self, state: &Path) -> Result<(), IdentityError> {
        self.write_file(Self::path(state))
    }

    pub fn write_before(&self, state: &Path) -> Result<(), IdentityError> {
        self.write_file(Self::before_path(state))
    }

    fn write_file(&self, path: PathBuf) -> Result<(), IdentityError> {
        let text = toml::to_string(self).expect("an identity is a flat table of strings");
        let text = format!(
            "# Secret: this is how the collector knows this machine. Written by `suar-agent join`.\n{text}"
        );
        replace(&path, text.as_bytes()).map_err(|source| IdentityError::Write { path, source })
    }
}

/// The plan that was stored last, checked again; `None` when there is none.
pub fn read_plan(state: &Path) -> Result<Option<Plan>, IdentityError> {
    let path = state.join(PLAN_FILE);
    let Some(text) = read_bounded(&path)? else { return Ok(None) };
    let damaged = |what: String| IdentityError::Damaged { path: path.clone(), what };
    let plan: Plan = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let mistakes = plan.mistakes();
    if mistakes.is_empty() { Ok(Some(plan)) } else { Err(damaged(mistakes.join("; "))) }
}

/// Replaces the stored plan.
pub fn write_plan(state: &Path, plan: &Plan) -> Result<(), IdentityError> {
    let path = state.join(PLAN_FILE);
    let text = serde_json::to_vec_pretty(plan).expect("a plan is plain numbers and strings");
    replace(&path, &text).map_err(|source| IdentityError::Write { path, source })
}

fn read_bounded(path: &Path) -> Result<Option<String>, IdentityError> {
    files::read_text(path, FILE_BYTES_MAX)
        .map_err(|source| IdentityError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            agent: AgentId([4; 16]),
            token: "correct-horse".to_owned().try_into().unwrap(),
            site: "19.02.02.2009".parse().unwrap(),
            site_name: "Desa \"Contoh\" #1".to_owned(),
            online_key: "00ff".to_owned().try_into().unwrap(),
        }
    }

    #[test]
    fn an_identity_reads_back_and_is_replaced_whole() {
        let state = tempfile::TempDir::new().unwrap();
        assert_eq!(Identity::read(state.path()).unwrap(), None);
        identity().write(state.path()).unwrap();
        let other = Identity { site_name: "Lain".to_owned(), ..identity() };
        other.write(state.path()).unwrap();
        assert_eq!(Identity::read(state.path()).unwrap(), Some(other));
        let files: Vec<_> = std::fs::read_dir(state.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing is left beside it: {files:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_an_identity_whatever_was_there_before() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::TempDir::new().unwrap();
        let leftover = state.path().join("identity.new");
        std::fs::write(&leftover, "old").unwrap();
        std::fs::set_permissions(&leftover, std::fs::Permissions::from_mode(0o666)).unwrap();
        identity().write(state.path()).unwrap();
        let mode = std::fs::metadata(Identity::path(state.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn secrets_are_in_no_print_and_in_no_error() {
        assert!(!format!("{:?}", identity()).contains("horse"));
        let state = tempfile::TempDir::new().unwrap();
        for damage in ["token = correct-horse", "token = \"correct horse\"", "tokken = \"correct-horse\""] {
            std::fs::write(Identity::path(state.path()), format!("# one\n{damage}\n")).unwrap();
            let error = Identity::read(state.path()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("horse"), "{error:?}");
            assert!(error.to_string().contains("suar-agent join"), "{error}");
        }
    }

    #[test]
    fn a_stored_plan_is_checked_when_it_is_read() {
        let state = tempfile::TempDir::new().unwrap();
        assert_eq!(read_plan(state.path()).unwrap(), None);
        let plan = Plan { push_seconds: 7, ..Plan::standard() };
        write_plan(state.path(), &plan).unwrap();
        assert_eq!(read_plan(state.path()).unwrap(), Some(plan.clone()));
        write_plan(state.path(), &Plan { push_seconds: 0, ..plan }).unwrap();
        let error = read_plan(state.path()).unwrap_err().to_string();
        assert!(error.contains("push_seconds"), "{error}");
    }
}
