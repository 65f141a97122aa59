//! The collector's certificate: made by itself at `init`, or the administrator's own.
//!
//! Agents pin its fingerprint from the join code, so that an intranet needs no public authority.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use suar_wire::bandwidth::messages::ALPN;
use suar_wire::join_code::FINGERPRINT_BYTES;

use crate::config::Config;

#[cfg_attr(unix, path = "tls/private_unix.rs")]
#[cfg_attr(windows, path = "tls/private_windows.rs")]
mod private;

pub use private::private_dir;

/// The names on a self-made certificate; nobody checks them, the fingerprint is what counts.
const NAME: &str = "suar-collector";
/// Years a self-made certificate lasts: a machine room is visited more often than an island.
const YEARS: i32 = 30;

/// What signs the answers of the online check, raw bytes.
pub fn online_key(data: &Path) -> anyhow::Result<Vec<u8>> {
    let file = online_key_file(data);
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    data_encoding::HEXLOWER
        .decode(text.trim().as_bytes())
        .with_context(|| format!("{} is not hexadecimal", file.display()))
}

pub fn online_key_file(data: &Path) -> PathBuf {
    data.join("online.key")
}

pub fn certificate_file(data: &Path) -> PathBuf {
    data.join("tls/certificate.pem")
}

pub fn key_file(data: &Path) -> PathBuf {
    data.join("tls/key.pem")
}

/// Makes certificate and key in a data directory.
pub fn make(data: &Path, names: Vec<String>, this_year: i16) -> anyhow::Result<()> {
    let dir = data.join("tls");
    private_dir(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let mut names = names;
    names.push(NAME.to_owned());
    let mut params = rcgen::CertificateParams::new(names).context("the certificate's names")?;
    params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
    let year = i32::from(this_year);
    // From long ago: a machine with a dead clock battery must not find it "not yet valid".
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + YEARS, 1, 1);
    let key = rcgen::KeyPair::generate().context("making a key")?;
    let certificate = params.self_signed(&key).context("signing the certificate")?;
    write_private(&key_file(data), key.serialize_pem().as_bytes())?;
    write_private(&certificate_file(data), certificate.pem().as_bytes())?;
    Ok(())
}

/// A new file only its owner may read.
pub fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    private::owner_only(options.write(true).create_new(true));
    let mut opened = options.open(file).with_context(|| format!("{} cannot be made", file.display()))?;
    opened.write_all(bytes).and_then(|()| opened.sync_all()).with_context(|| format!("{}", file.display()))
}

/// Certificates as the configuration says.
fn chain(config: &Config) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let file = config.tls.certificate.clone().unwrap_or_else(|| certificate_file(&config.data));
    let bytes =
        fs::read(&file).with_context(|| format!("the certificate {} cannot be read", file.display()))?;
    let chain = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => bail!("{} holds no certificate in PEM form", file.display()),
    }
}

/// What join codes carry: the first half of the SHA-256 of the certificate.
pub fn fingerprint(config: &Config) -> anyhow::Result<[u8; FINGERPRINT_BYTES]> {
    let chain = chain(config)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &chain[0]);
    let (half, _) = digest.as_ref().split_first_chunk().context("a SHA-256 has 32 bytes")?;
    Ok(*half)
}

pub fn server_config(config: &Config) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let file = config.tls.key.clone().unwrap_or_else(|| key_file(&config.data));
    let bytes = fs::read(&file).with_context(|| format!("the key {} cannot be read", file.display()))?;
    let key = PrivateKeyDer::from_pem_slice(&bytes)
        .with_context(|| format!("{} holds no private key in PEM form", file.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_single_cert(chain(config)?, key)
        .context("certificate and key do not belong together")?;
    // One ticket of the two that are usual: an agent keeps its connection, and every byte is counted.
    server.send_tls13_tickets = 1;
    // Whoever names no protocol speaks HTTP too.
    server.alpn_protocols = vec![b"http/1.1".to_vec(), ALPN.to_vec()];
    Ok(Arc::new(server))
}
