//! A real Prometheus beside the collector: scrapes over TLS, and tells whether it ever failed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Process, tool, wait_until};
use crate::netns::Namespace;

const START_MAX: Duration = Duration::from_secs(30);
/// Time between two scrapes, and the most that one may take: long enough that a busy machine fails none.
const SCRAPE: &str = "3s";

#[derive(Debug)]
pub struct Prometheus<'a> {
    namespace: &'a Namespace,
    address: String,
    running: Process,
}

impl<'a> Prometheus<'a> {
    /// Scrapes `target` every three seconds, trusting `certificate`. Listens on a port of the loopback.
    pub fn start(
        namespace: &'a Namespace,
        directory: &Path,
        target: &str,
        certificate: &Path,
        rules: &[std::path::PathBuf],
    ) -> Result<Self> {
        let address = "127.0.0.1:9090".to_owned();
        let rules: Vec<String> = rules.iter().map(|file| file.display().to_string()).collect();
        let config = serde_json::json!({
            "global": { "scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": "1s" },
            "rule_files": rules,
            "scrape_configs": [{
                "job_name": "suar",
                "scheme": "https",
                // The name that is in every self-made certificate, wherever the collector stands.
                "tls_config": { "ca_file": certificate, "server_name": "suar-collector" },
                "static_configs": [{ "targets": [target] }],
            }],
        });
        // JSON is YAML.
        let file = directory.join("prometheus.yml");
        std::fs::write(&file, serde_json::to_string_pretty(&config)?)?;
        let mut command = namespace.command(tool("prometheus")?);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("prometheus-data").display()))
            .arg(format!("--web.listen-address={address}"))
            // At this level it says why a scrape failed.
            .arg("--log.level=debug");
        let running = Process::start("prometheus", &mut command, &directory.join("prometheus.log"))?;
        let prometheus = Self { namespace, address, running };
        wait_until("Prometheus to have scraped once", START_MAX, || {
            let found = prometheus.query("up").map_err(|error| format!("{error:#}"))?;
            if found.is_empty() { Err("no sample of up".to_owned()) } else { Ok(()) }
        })?;
        Ok(prometheus)
    }

    /// What Prometheus said of scrapes that failed, in its own words.
    pub fn scrape_failures(&self) -> Vec<String> {
        self.running.log().lines().filter(|line| line.contains("Scrape failed")).map(str::to_owned).collect()
    }

    /// An instant query: labels and value of every series that it finds.
    pub fn query(&self, expression: &str) -> Result<Vec<(serde_json::Value, f64)>> {
        let answer = self.api("query", &[("query", expression)])?;
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series
            .into_iter()
            .map(|series| {
                let value = series["value"][1].as_str().and_then(|text| text.parse().ok());
                Ok((series["metric"].clone(), value.context("a value in an answer of Prometheus")?))
            })
            .collect()
    }

    /// One call of Prometheus' HTTP API; its answer when it says success.
    pub fn api(&self, call: &str, parameters: &[(&str, &str)]) -> Result<serde_json::Value> {
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        let path = format!("/api/v1/{call}?{}", parameters.join("&"));
        let body = self.namespace.enter(|| get_plain(&self.address, &path))??;
        let answer: serde_json::Value =
            serde_json::from_str(&body).with_context(|| format!("{call}: found {body:?}"))?;
        anyhow::ensure!(answer["status"] == "success", "{call}: {answer}");
        Ok(answer)
    }
}

/// A value of a query string.
pub fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The body of an answer over HTTP/1.0 without a library: what the lab asks on the loopback needs no more.
pub fn get_plain(address: &str, path: &str) -> Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).with_context(|| address.to_owned())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("the end of the headers")?;
    Ok(body.to_owned())
}
