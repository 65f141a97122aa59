//! Whom an ndt7 server's certificate must be from: the public authorities that browsers know, or those of a file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::files;

const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A way to know the server.
#[derive(Debug, Clone)]
pub struct Trust(pub(super) Arc<ClientConfig>);

/// Why a file names nobody to trust.
#[derive(Debug)]
pub enum NoTrust {
    Missing,
    Unreadable(io::Error),
    /// No certificate of an authority in PEM.
    NoCertificate,
}

/// `ca`: certificates of authorities in PEM; without it the public ones, as they were when this program was made.
pub fn trust(ca: Option<&Path>) -> Result<Trust, NoTrust> {
    let roots = match ca {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(file) => of_file(file)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring's provider has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Trust(Arc::new(config)))
}

fn of_file(file: &Path) -> Result<RootCertStore, NoTrust> {
    let text = match files::read_text(file, FILE_BYTES_MAX) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(NoTrust::Missing),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(NoTrust::NoCertificate),
        Err(error) => return Err(NoTrust::Unreadable(error)),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|_| NoTrust::NoCertificate)?;
        roots.add(certificate).map_err(|_| NoTrust::NoCertificate)?;
    }
    if roots.is_empty() { Err(NoTrust::NoCertificate) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_authorities_are_known_and_a_file_must_have_one() {
        assert!(trust(None).is_ok());
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ca.pem");
        assert!(matches!(trust(Some(&file)), Err(NoTrust::Missing)));
        assert!(matches!(trust(Some(directory.path())), Err(NoTrust::Unreadable(_))));
        for rubbish in
            [&b"hello"[..], &[0xff; 40], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            std::fs::write(&file, rubbish).expect("written");
            assert!(matches!(trust(Some(&file)), Err(NoTrust::NoCertificate)), "{rubbish:?}");
        }
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["a.invalid".to_owned()]).expect("a name");
        std::fs::write(&file, params.self_signed(&key).expect("signed").pem()).expect("written");
        assert!(trust(Some(&file)).is_ok());
    }
}
