//! Whom we trust to vouch for a receiver, and in what words a failed handshake is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};

/// The certificate authorities a receiver's certificate may come from.
#[derive(Debug, Clone)]
pub struct TrustRoots(RootCertStore);

#[derive(Debug, thiserror::Error)]
pub enum TrustRootsError {
    #[error("the CA file {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: pem::Error },
    #[error("the CA file {} holds no certificate", path.display())]
    Empty { path: PathBuf },
    #[error("the CA file {} holds a certificate that is not one: {source}", path.display())]
    Malformed { path: PathBuf, source: Error },
}

impl TrustRoots {
    /// Mozilla's list, which is built in so that an empty container can call anybody; what this
    /// machine trusts beside it, such as a company's own authority; and `ca_file` (PEM).
    pub fn system(ca_file: Option<&Path>) -> Result<TrustRoots, TrustRootsError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "some of this machine's certificates could not be read");
        }
        // Machines carry old certificates that no parser takes any more; they vouch for nobody.
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = ca_file {
            add_file(&mut roots, path)?;
        }
        Ok(TrustRoots(roots))
    }

    /// These and no others.
    pub fn only<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<TrustRoots, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.into_owned())?;
        }
        Ok(TrustRoots(roots))
    }

    /// The provider is named rather than taken from the process, so that no other crate's choice
    /// can change it or make this panic.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs knows TLS 1.2 and 1.3")
            .with_root_certificates(self.0.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustRootsError> {
    let unreadable = |source| TrustRootsError::Unreadable { path: path.into(), source };
    let mut is_empty = true;
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|source| TrustRootsError::Malformed { path: path.into(), source })?;
        is_empty = false;
    }
    if is_empty {
        return Err(TrustRootsError::Empty { path: path.into() });
    }
    Ok(())
}

/// What a receiver's owner has to put right. Each common mistake has a sentence of its own.
pub(crate) fn explain(host: &str, error: &Error) -> String {
    match error {
        Error::InvalidCertificate(certificate) => explain_certificate(host, certificate),
        Error::InvalidMessage(_) => format!("{host} does not speak TLS on this port"),
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("{host} has no certificate for this name")
        }
        Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        )
        | Error::PeerIncompatible(_) => {
            format!("{host} offers no version or cipher of TLS 1.2 or 1.3 that we know: {error}")
        }
        other => format!("the TLS handshake with {host} failed: {other}"),
    }
}

fn explain_certificate(host: &str, error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet")
        }
        CertificateError::NotValidForName => {
            format!("the certificate of {host} is for another name")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            /// A certificate can hold hundreds of names.
            const NAMES_SHOWN_MAX: usize = 3;
            let names: Vec<&str> =
                presented.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
            let more = if presented.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
            format!("the certificate of {host} is for another name ({}{more})", names.join(", "))
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host} is self-signed, comes from an authority that is not \
             trusted here, or was sent without its intermediate certificate"
        ),
        // A certificate made with `openssl req -x509` and used as it is calls itself an authority.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            format!("the certificate of {host} is self-signed")
        }
        CertificateError::Revoked => format!("the certificate of {host} has been revoked"),
        other => format!("the certificate of {host} is not valid: {other}"),
    }
}
