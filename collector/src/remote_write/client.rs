//! One receiver over HTTP: bounded in time and in what is read of its answers. Knows no store.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::runtime::Handle;

use super::answer::Response;
use super::{Login, Options, Version, message};

/// From the connection to the end of the answer; stopping the collector waits as long.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);
/// What is shown of an answer.
const TEXT_BYTES_MAX: usize = 300;

#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: reqwest::Url,
    version: Version,
    runtime: Handle,
}

impl Client {
    /// Reads the files that the options name, so that a wrong one is told at the start. To be called within a
    /// runtime, which then does the work.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        // The library takes the process' provider; one that was chosen before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .default_headers(headers(options)?)
            .user_agent(concat!("suar-collector/", env!("CARGO_PKG_VERSION")))
            .timeout(REQUEST_TIME_MAX)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(1);
        if let Some(file) = &options.ca_file {
            let pem = std::fs::read(file).with_context(|| cannot_read("ca_file", file))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|found| !found.is_empty())
                .with_context(|| {
                    format!("remote_write.ca_file: {} has no PEM certificate", file.display())
                })?;
            builder = builder.tls_certs_only(authorities);
        }
        Ok(Self {
            http: builder.build().context("remote_write: the HTTP client cannot be made")?,
            url: options.url.clone(),
            version: options.version,
            runtime: Handle::current(),
        })
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// Sends a body and waits for the answer; to be called outside the runtime.
    pub fn post(&self, body: Vec<u8>) -> Result<Response, reqwest::Error> {
        self.runtime.block_on(async {
            let mut answer = self.http.post(self.url.clone()).body(body).send().await?;
            let number = |name: &str| answer.headers().get(name)?.to_str().ok()?.trim().parse().ok();
            let mut response = Response {
                status: answer.status().as_u16(),
                samples_written: number("x-prometheus-remote-write-samples-written"),
                retry_after_s: number(RETRY_AFTER.as_str()),
                text: String::new(),
            };
            let mut bytes = Vec::new();
            while bytes.len() < TEXT_BYTES_MAX
                && let Some(more) = answer.chunk().await?
            {
                bytes.extend_from_slice(&more[..more.len().min(TEXT_BYTES_MAX - bytes.len())]);
            }
            let text = String::from_utf8_lossy(&bytes);
            response.text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            Ok(response)
        })
    }
}

fn headers(options: &Options) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(message::content_type(options.version)));
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    headers.insert(
        "x-prometheus-remote-write-version",
        HeaderValue::from_static(message::number(options.version)),
    );
    if let Some(tenant) = &options.tenant {
        let tenant =
            HeaderValue::from_str(tenant).context("remote_write.tenant: no such header is possible")?;
        headers.insert("x-scope-orgid", tenant);
    }
    let authorization = match &options.login {
        Login::Nobody => return Ok(headers),
        Login::Bearer { token_file } => format!("Bearer {}", secret("bearer_token_file", token_file)?),
        Login::Basic { username, password_file } => {
            let pair = format!("{username}:{}", secret("password_file", password_file)?);
            format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()))
        }
    };
    // The library's own error would not show it; neither does ours.
    let Ok(mut authorization) = HeaderValue::from_str(&authorization) else {
        anyhow::bail!("remote_write: the secret has characters that cannot be sent");
    };
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(headers)
}

/// The first line of a file.
fn secret(key: &str, file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| cannot_read(key, file))?;
    let secret = text.lines().next().unwrap_or_default().trim();
    anyhow::ensure!(!secret.is_empty(), "remote_write.{key}: {} is empty", file.display());
    Ok(secret.to_owned())
}

fn cannot_read(key: &str, file: &Path) -> String {
    format!("remote_write.{key}: {} cannot be read", file.display())
}
