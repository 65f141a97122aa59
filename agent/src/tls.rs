//! TLS to the collector: one certificate is right, the one whose fingerprint the join code carried.
//!
//! No public authority, no names, no dates: an intranet has no CA, a collector may move to another
//! address, and a machine whose CMOS battery died believes it is 2009. The fingerprint is stronger than
//! all three. What is still checked is that the other side holds the certificate's key.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use suar_wire::join_code::FINGERPRINT_BYTES;

/// The first bytes of the SHA-256 of the collector's certificate (DER).
pub type Fingerprint = [u8; FINGERPRINT_BYTES];

/// The fingerprint of a certificate.
pub fn fingerprint_of(certificate: &CertificateDer<'_>) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate.as_ref());
    let mut fingerprint = [0; FINGERPRINT_BYTES];
    fingerprint.copy_from_slice(&digest.as_ref()[..FINGERPRINT_BYTES]);
    fingerprint
}

/// A client configuration that trusts exactly the certificate with this fingerprint.
pub fn client_config(fingerprint: Fingerprint) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring's provider has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { fingerprint, provider }))
        .with_no_client_auth();
    // There is one server; the default cache has room for 256.
    config.resumption = Resumption::in_memory_sessions(4);
    config
}

/// Whether an error of a TLS or HTTP client, or one of its causes, says that the certificate was not the
/// pinned one: somebody else answers at the collector's address.
pub fn is_wrong_certificate(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // An I/O error hides the error it wraps from `source`.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    false
}

struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned({})", data_encoding::HEXLOWER.encode(&self.fingerprint))
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The fingerprint is public, so an ordinary comparison leaks nothing.
        if fingerprint_of(end_entity) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};
    use tokio::io::AsyncWriteExt;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    #[derive(Debug)]
    struct Always(Arc<CertifiedKey>);

    impl ResolvesServerCert for Always {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    fn certificate(key: &rcgen::KeyPair) -> CertificateDer<'static> {
        let params = rcgen::CertificateParams::new(vec!["other.invalid".to_owned()]).unwrap();
        params.self_signed(key).unwrap().into()
    }

    /// One handshake between a client that pins `pinned` and a server with this certificate and key.
    async fn handshake(
        pinned: Fingerprint,
        certificates: Vec<CertificateDer<'static>>,
        key: &rcgen::KeyPair,
        version: &'static SupportedProtocolVersion,
    ) -> Result<Option<ProtocolVersion>, std::io::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(certificates, key)))));
        let (near, far) = tokio::io::duplex(64 * 1024);
        let serving = tokio::spawn(async move { TlsAcceptor::from(Arc::new(server)).accept(far).await });
        let connector = TlsConnector::from(Arc::new(client_config(pinned)));
        let name = ServerName::try_from("collector.invalid").unwrap();
        let mut stream = connector.connect(name, near).await?;
        stream.flush().await?;
        let version = stream.get_ref().1.protocol_version();
        serving.await.unwrap().unwrap();
        Ok(version)
    }

    #[tokio::test]
    async fn only_the_pinned_certificate_with_its_own_key_is_taken() {
        let (key, stolen) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
        let right = certificate(&key);
        let pinned = fingerprint_of(&right);
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let taken = handshake(pinned, vec![right.clone()], &key, version).await.unwrap();
            assert_eq!(taken, Some(version.version));

            // Whoever saw the certificate go by has it, and not its key.
            let error = handshake(pinned, vec![right.clone()], &stolen, version).await.unwrap_err();
            assert!(error.to_string().contains("BadSignature"), "{error}");
            assert!(is_wrong_certificate(&error));

            let other = certificate(&stolen);
            let error = handshake(pinned, vec![other.clone()], &stolen, version).await.unwrap_err();
            assert!(is_wrong_certificate(&error), "{error}");
            // The right one behind another in the chain proves nothing.
            let error = handshake(pinned, vec![other, right.clone()], &stolen, version).await.unwrap_err();
            assert!(is_wrong_certificate(&error), "{error}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_first_half_of_the_sha256() {
        // NIST's test vector for "abc".
        let fingerprint = fingerprint_of(&CertificateDer::from(&b"abc"[..]));
        assert_eq!(data_encoding::HEXLOWER.encode(&fingerprint), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn other_errors_are_not_a_wrong_certificate() {
        assert!(!is_wrong_certificate(&std::io::Error::other("reset")));
        assert!(!is_wrong_certificate(&rustls::Error::HandshakeNotComplete));
        let wrapped =
            std::io::Error::other(rustls::Error::from(CertificateError::ApplicationVerificationFailure));
        assert!(is_wrong_certificate(&wrapped));
    }
}
