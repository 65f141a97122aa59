//! One step towards a newer program: its signature, the next piece, the look at the signature, the test. Where it stands
//! is told by the disk alone, so that a restart at any moment goes on from there.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use suar_wire::release::{self, OfferedFile, Release, Version};

use super::shelf::{Missing, Shelf, Why};
use super::{Build, self_test, target};
use crate::uplink::client::Client;

/// Where programs come from and where they go.
#[derive(Debug)]
pub struct Source {
    pub shelf: Shelf,
    pub client: Client,
    pub config_file: PathBuf,
    /// What a package installed here.
    pub installed: Version,
}

/// What came of a step.
#[derive(Debug)]
pub enum Step {
    /// So many bytes are still to be fetched; this one took so long.
    More { left: u64, took: Duration },
    /// It is here, and has passed its test.
    Ready,
    /// It is not used; what is known against it is on disk.
    Failed(Why),
    /// The line or the disk did not let it; nothing is known against it.
    Later(String),
}

impl Source {
    /// Does what comes next for a program. `is_first`: nothing was done for it since this process began.
    pub async fn step(&self, version: Version, file: &OfferedFile, is_first: bool) -> Step {
        let build = Build { version, digest: file.digest.clone() };
        match self.next(&build, file, is_first).await {
            Ok(step) => step,
            Err(error) => Step::Later(format!("{error:#}")),
        }
    }

    async fn next(&self, build: &Build, file: &OfferedFile, is_first: bool) -> anyhow::Result<Step> {
        let bytes = file.bytes;
        let missing = self.on_disk(build, move |shelf, build| {
            if is_first {
                shelf.distrust_last_piece(build)?;
            }
            shelf.missing(build, bytes)
        });
        let started_at = Instant::now();
        let release = Release { version: build.version, target: target() };
        match missing.await? {
            Missing::Signature => {
                let text = self.client.signature(&release::signature_path(&release)).await?;
                self.on_disk(build, move |shelf, build| shelf.put_signature(build, &text)).await?;
                Ok(Step::More { left: bytes, took: started_at.elapsed() })
            }
            Missing::Piece { from } => {
                let piece = self.client.piece(&release::path(&release), from, bytes - from).await?;
                let left = bytes - from - piece.len() as u64;
                self.on_disk(build, move |shelf, build| shelf.append(build, from, &piece)).await?;
                Ok(Step::More { left, took: started_at.elapsed() })
            }
            Missing::Check => match self.on_disk(build, |shelf, build| shelf.finish(build)).await? {
                Ok(()) => Ok(Step::More { left: 0, took: Duration::ZERO }),
                Err(fault) => {
                    tracing::error!(%build, %fault, "a new program is not taken");
                    self.fail(build, Why::Signature).await
                }
            },
            Missing::Nothing => self.test(build).await,
        }
    }

    async fn test(&self, build: &Build) -> anyhow::Result<Step> {
        let Ok(program) = self.on_disk(build, |shelf, build| shelf.verified(build)).await? else {
            return self.fail(build, Why::Unrunnable).await;
        };
        match self_test::passes(&program, &self.config_file, build.version).await {
            Ok(true) => Ok(Step::Ready),
            Ok(false) => self.fail(build, Why::SelfTest).await,
            Err(error) => {
                tracing::error!(%build, %error, "a new program cannot be started");
                self.fail(build, Why::Unrunnable).await
            }
        }
    }

    /// First what is known against it, so that a power cut does not make it come again.
    async fn fail(&self, build: &Build, why: Why) -> anyhow::Result<Step> {
        self.on_disk(build, move |shelf, build| {
            shelf.note_failure(build, why)?;
            shelf.throw_away(build);
            Ok(())
        })
        .await?;
        Ok(Step::Failed(why))
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        build: &Build,
        act: impl FnOnce(&Shelf, &Build) -> io::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (shelf, build) = (self.shelf.clone(), build.clone());
        Ok(tokio::task::spawn_blocking(move || act(&shelf, &build)).await??)
    }
}
