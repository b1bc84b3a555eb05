//! Whom to trust over TLS, and who we are there.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::auth::Flaw;
use crate::error::Error;

/// Whom to trust, and who we are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM certificates of the authorities to trust **instead of** the system's.
    pub ca_pem: Option<String>,
    /// What we show to a server that asks.
    pub client: Option<ClientCertificate>,
}

/// A client certificate with its key. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM: the certificate, then those that lead to the server's authority.
    pub certificate_pem: String,
    /// PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase.
    pub key_pem: String,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(…)")
    }
}

impl Tls {
    pub(super) const fn is_default(&self) -> bool {
        self.ca_pem.is_none() && self.client.is_none()
    }

    /// What must be told apart between readers.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        let client = self.client.as_ref();
        [
            self.ca_pem.as_deref().unwrap_or_default().as_bytes(),
            client.map_or(&[][..], |c| c.certificate_pem.as_bytes()),
            client.map_or(&[][..], |c| c.key_pem.as_bytes()),
        ]
    }

    /// Whether the texts are what they should be.
    pub(super) fn check(&self) -> Result<(), Flaw> {
        self.authorities()?;
        self.identity().map(drop)
    }

    fn authorities(&self) -> Result<Option<RootCertStore>, Flaw> {
        let Some(pem) = &self.ca_pem else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in certificates("CA certificate", pem)? {
            roots
                .add(certificate)
                .map_err(|_| ("CA certificate", "it is no X.509 certificate"))?;
        }
        Ok(Some(roots))
    }

    fn identity(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Flaw> {
        let Some(client) = &self.client else { return Ok(None) };
        let chain = certificates("client certificate", &client.certificate_pem)?;
        if client.key_pem.contains("ENCRYPTED") {
            let reason = "it has a passphrase, and nobody is there to type it: write it without, by `openssl pkey`";
            return Err(("client key", reason));
        }
        let key = PrivateKeyDer::from_pem_slice(client.key_pem.as_bytes())
            .map_err(|_| ("client key", "it holds no `BEGIN … PRIVATE KEY` block"))?;
        Ok(Some((chain, key)))
    }

    /// The TLS side of a connection; HTTP/1.1 only, since a fetch is a handful of requests one after the other. `url`: for
    /// errors.
    ///
    /// # Errors
    /// When the authorities or the client certificate can't be used, or the system's authorities can't be read.
    pub fn config(&self, url: &str) -> Result<ClientConfig, Error> {
        if self.is_default() {
            return system_config(url);
        }
        let flaw = |(what, reason)| Error::Credentials {
            url: url.to_owned(),
            what,
            reason,
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(url, e))?;
        let builder = match self.authorities().map_err(flaw)? {
            Some(roots) => builder.with_root_certificates(roots),
            None => builder.with_platform_verifier().map_err(|e| failed(url, e))?,
        };
        match self.identity().map_err(flaw)? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|_| {
                flaw((
                    "client certificate",
                    "its key is another certificate's, or of an unknown kind",
                ))
            }),
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

/// At least one.
fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|_| (what, "it is no PEM"))?;
    if all.is_empty() {
        return Err((what, "it holds no `BEGIN CERTIFICATE` block"));
    }
    Ok(all)
}

/// The same for all connections that trust the system's authorities: reading those takes tens of milliseconds, and sessions
/// are resumed across connections.
fn system_config(url: &str) -> Result<ClientConfig, Error> {
    static SYSTEM: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = SYSTEM.get() {
        return Ok(config.clone());
    }
    // Read first by whoever comes first; a failure is not kept, so that a repaired system is seen.
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(url, e))?;
    let builder = builder.with_platform_verifier().map_err(|e| failed(url, e))?;
    Ok(SYSTEM.get_or_init(|| builder.with_no_client_auth()).clone())
}

fn failed(url: &str, source: rustls::Error) -> Error {
    Error::Tls {
        url: url.to_owned(),
        source: Box::new(source),
    }
}

/// The process's cryptography: aws-lc-rs unless the program installed another before.
fn provider() -> Arc<CryptoProvider> {
    if CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    CryptoProvider::get_default().map_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()), Arc::clone)
}
