//! Debian's Prometheus with the shipped configuration, pointed at a collector on the loopback.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use suar_lab::programs::prometheus::percent_encoded;
use suar_lab::programs::{Collector, Process, free_address, tool, wait_until};

use super::READER_TOKEN;

pub struct Prometheus {
    address: String,
    _running: Process,
}

impl Prometheus {
    pub fn start(directory: &Path, collector: &Collector<'_>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let shipped = std::fs::read_to_string(root.join("deploy/prometheus.yml")).expect("it is shipped");
        let token_file = directory.join("token");
        std::fs::write(&token_file, READER_TOKEN).expect("a file");
        let config = shipped
            .replace("127.0.0.1:8443", &collector.address)
            .replace("/etc/prometheus/suar-collector.pem", &collector.certificate().display().to_string())
            .replace("/etc/prometheus/suar-reader-token", &token_file.display().to_string())
            .replace("# authorization:", "authorization:")
            .replace("#   credentials_file:", "  credentials_file:")
            .replace("../dashboards", &root.join("dashboards").display().to_string())
            // Somebody's own label must not hide history.
            .replace("global:\n", "global:\n  external_labels: { province: \"19\" }\n");
        let file = directory.join("prometheus.yml");
        std::fs::write(&file, config).expect("a file");
        let address = free_address().expect("a free port");
        let mut command = Command::new(tool("prometheus").expect("lab/check.sh fetches it"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("prometheus-data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn");
        let running = Process::start("prometheus", &mut command, &directory.join("prometheus.log"));
        let prometheus = Self { address, _running: running.expect("it starts") };
        wait_until("Prometheus to be ready", Duration::from_secs(30), || {
            let answer = prometheus.get("/-/ready").map_err(|error| error.to_string())?;
            if answer.starts_with("HTTP/1.0 200") { Ok(()) } else { Err(answer) }
        })
        .expect("it is ready");
        prometheus
    }

    /// One call of its HTTP API, whole.
    pub fn api(&self, call: &str, parameters: &[(&str, String)]) -> serde_json::Value {
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        let answer = self.get(&format!("/api/v1/{call}?{}", parameters.join("&"))).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("the end of the headers");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{call}: {error}: {body}"))
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
