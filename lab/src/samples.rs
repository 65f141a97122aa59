//! The rounds of an office as samples for receivers of remote write: each value of a round is a series of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use suar_collector::history::records::Written;
use suar_collector::history::series::{Labels, NAME};
use suar_collector::remote_write::{Version, message};
use suar_wire::joining::JoinAnswer;
use suar_wire::{Body, Outcome, Record};

/// Labels of an office's series.
#[derive(Debug, Clone)]
pub struct Series {
    agent: String,
    site: String,
}

impl Series {
    pub fn of(joined: &JoinAnswer) -> Self {
        Self { agent: joined.agent.to_string(), site: joined.site.to_string() }
    }

    /// The name of the series that says whether the office is up, as a query.
    pub fn up(&self) -> String {
        format!("up{{agent=\"{}\"}}", self.agent)
    }

    fn labels(&self, name: &str, target: Option<String>) -> Labels {
        let of_all = [(NAME, name.to_owned()), ("agent", self.agent.clone()), ("site", self.site.clone())];
        of_all.into_iter().chain(target.map(|target| ("target", target))).collect()
    }

    /// Every value of these rounds, at the beginning of its slot.
    pub fn samples(&self, records: &[Record]) -> Written {
        let mut series: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        for record in records {
            let Body::Round(round) = &record.body else { continue };
            let at_ms = round.slot.start_ms();
            let mut add = |name, target, value| {
                series.entry(self.labels(name, target)).or_default().push((at_ms, value));
            };
            add("up", None, f64::from(u8::from(round.verdict.is_up())));
            let timed = [
                ("gateway_seconds", round.gateway),
                ("dns_seconds", round.dns),
                ("dns_public_seconds", round.dns_public),
            ];
            for (name, outcome) in timed {
                if let Outcome::Ok { elapsed_us } = outcome {
                    add(name, None, f64::from(elapsed_us) / 1e6);
                }
            }
            for echo in &round.echoes {
                let lost = f64::from(echo.sent) - f64::from(echo.received());
                add("loss_ratio", Some(echo.target.to_string()), lost / f64::from(echo.sent.max(1)));
                if let Some(shortest_us) = echo.rtt_us.iter().min() {
                    add("rtt_seconds", Some(echo.target.to_string()), f64::from(*shortest_us) / 1e6);
                }
            }
        }
        Written { series }
    }
}

/// One request of remote write 1.0. Returns how many bytes its body has.
pub async fn write(
    client: &reqwest::Client,
    address: &str,
    samples: Written,
    at_most: Duration,
) -> Result<u64> {
    let body = message::body(Version::One, samples)?;
    let bytes = body.len() as u64;
    let request = client
        .post(format!("http://{address}/api/v1/write"))
        .header(CONTENT_TYPE, message::content_type(Version::One))
        .header(CONTENT_ENCODING, "snappy")
        .header("x-prometheus-remote-write-version", message::number(Version::One))
        .timeout(at_most)
        .body(body);
    let answer = request.send().await.context("remote write")?;
    let status = answer.status();
    let said = answer.bytes().await?;
    ensure!(status.is_success(), "remote write: {status}: {}", String::from_utf8_lossy(&said));
    Ok(bytes)
}

/// A client with one kept connection.
pub fn plain_client() -> reqwest::Result<reqwest::Client> {
    // It wants to know of one even for plain HTTP. Once is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().http1_only().no_proxy().pool_max_idle_per_host(1).build()
}
