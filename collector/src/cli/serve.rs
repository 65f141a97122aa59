//! `suar-collector serve`: runs until it is asked to stop, ends in order.

use anyhow::Context;

use crate::config::Config;
use crate::serving::Serving;

pub fn run(config: Config) -> anyhow::Result<()> {
    log_to_stderr(&config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(serve(config))
}

fn log_to_stderr(level: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    // A second logger in one process (tests) is no reason not to serve.
    // Without that, it would tell that a log cannot be written by a panic.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    let _ = log.with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let serving = Serving::start(config).await?;
    stop_signal().await?;
    serving.stop().await
}

#[cfg(unix)]
async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result.context("SIGINT cannot be heard")?,
    }
    Ok(())
}

#[cfg(not(unix))]
async fn stop_signal() -> anyhow::Result<()> {
    tokio::signal::ctrl_c().await.context("Ctrl-C cannot be heard")
}
