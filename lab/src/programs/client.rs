//! An HTTPS client that trusts one certificate, and asks from inside a namespace.

use std::time::Duration;

use anyhow::{Context, Result};
use suar_agent::tls::{Fingerprint, client_config};

use crate::netns::Namespace;

const ANSWER_SECONDS_MAX: u64 = 20;

/// Asks the collector as a person's browser or a foreign program would.
#[derive(Debug)]
pub struct Client {
    base: String,
    fingerprint: Fingerprint,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("JSON expected, found: {}", self.text()))
    }
}

/// An HTTP client over one kept connection that trusts exactly this certificate.
pub fn http_client(fingerprint: Fingerprint) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(client_config(fingerprint))
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(1)
        .build()
}

impl Client {
    /// `address` is `host:port`.
    pub fn new(address: &str, fingerprint: Fingerprint) -> Self {
        Self { base: format!("https://{address}"), fingerprint }
    }

    pub fn get(&self, from: Option<&Namespace>, path: &str) -> Result<Answer> {
        self.send(from, path, |client, url| client.get(url))
    }

    pub fn post(
        &self,
        from: Option<&Namespace>,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        self.send(from, path, |client, url| {
            let request = client.post(url).body(body.to_vec());
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        })
    }

    /// Each request has a connection of its own: nothing here is about speed.
    pub fn send(
        &self,
        from: Option<&Namespace>,
        path: &str,
        request: impl FnOnce(&reqwest::Client, String) -> reqwest::RequestBuilder + Send,
    ) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let exchange = || -> Result<Answer> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = http_client(self.fingerprint)?;
                let request = request(&client, url).timeout(Duration::from_secs(ANSWER_SECONDS_MAX));
                let response = request.send().await?;
                let content_type = response.headers().get("content-type");
                let content_type =
                    content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
                Ok(Answer {
                    status: response.status().as_u16(),
                    content_type,
                    body: response.bytes().await?.to_vec(),
                })
            })
        };
        match from {
            Some(namespace) => namespace.enter(exchange)?,
            None => exchange(),
        }
        .with_context(|| format!("{}{path}", self.base))
    }
}
