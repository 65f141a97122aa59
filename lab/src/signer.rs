//! Releases of the agent for tests, signed by Debian's minisign as whoever releases it would.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::{finish, program, tool};

/// What `Cargo.toml` says; see [`renumbered`].
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Somebody with a key.
#[derive(Debug)]
pub struct Signer {
    directory: PathBuf,
    /// The public key, as configurations name it.
    pub key: String,
}

impl Signer {
    pub fn new(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let (public, secret) = (directory.join("suar.pub"), directory.join("suar.key"));
        let mut command = Command::new(tool("minisign")?);
        command.args(["-G", "-W", "-f", "-p"]).arg(&public).arg("-s").arg(&secret);
        finish(&mut command)?.ok()?;
        let text = std::fs::read_to_string(&public)?;
        let key = text.lines().nth(1).context("a public key has two lines")?.to_owned();
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// Signs a file as this version for this machine; the signature lies beside it.
    pub fn sign(&self, program: &Path, version: &str) -> Result<PathBuf> {
        let comment = format!("suar-agent {version} {}", suar_agent::program::target());
        let mut command = Command::new(tool("minisign")?);
        command.arg("-S").arg("-s").arg(self.directory.join("suar.key")).arg("-m").arg(program);
        finish(command.args(["-t", &comment]))?.ok()?;
        let mut signature = program.as_os_str().to_owned();
        signature.push(".minisig");
        Ok(signature.into())
    }
}

/// The agent as it was built, but with another version of the same length: what a release of the same source would be.
/// Without symbols, because every byte goes over the lab's lines.
pub fn renumbered(version: &str, at: &Path) -> Result<()> {
    anyhow::ensure!(version.len() == OWN_VERSION.len(), "{version} is not as long as {OWN_VERSION}");
    finish(Command::new("strip").arg("-o").arg(at).arg(program("suar-agent")?))?.ok()?;
    let mut bytes = std::fs::read(at)?;
    let mut found = 0;
    for start in 0..bytes.len().saturating_sub(version.len()) {
        if bytes[start..].starts_with(OWN_VERSION.as_bytes()) {
            bytes[start..start + version.len()].copy_from_slice(version.as_bytes());
            found += 1;
        }
    }
    anyhow::ensure!(found > 0, "the agent does not name its version {OWN_VERSION}");
    Ok(std::fs::write(at, bytes)?)
}

/// A program that passes its own test and does this when it is run.
pub fn script(version: &str, run: &str) -> String {
    let comment = format!("suar-agent {version} {}", suar_agent::program::target());
    format!("#!/bin/sh\nif [ \"$1\" = check-self ]; then echo \"{comment}\"; exit 0; fi\n{run}\n")
}
