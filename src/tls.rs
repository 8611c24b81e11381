//! TLS as this process speaks it: rustls over ring, the smallest of its providers, and the
//! certificates that the machine trusts; and why a connection failed.
//!
//! Built here for every HTTP client, as a client without a configuration reads the machine's
//! certificates though it will never need one. Keeps no global state.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig, RootCertStore};

/// For clients that speak plain HTTP only: nobody is trusted.
pub fn none() -> ClientConfig {
    trusting(RootCertStore::empty())
}

/// For clients of other hosts: trusts what the machine trusts (`SSL_CERT_FILE` names others). Reads
/// files for some milliseconds.
///
/// # Errors
/// A message, if the machine has no trusted certificate.
pub fn system() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err("this machine has no certificates to trust a server by: install its package \
                    `ca-certificates`"
            .to_owned());
    }
    Ok(trusting(roots))
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the versions that rustls holds safe")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Why TLS failed, in words that say what to do; absent if an error is not about TLS.
pub fn in_words(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(said(tls));
        }
        // The inner error of a system error is not a source of it, and may hold another one.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// The innermost cause of a connection's error, which is the most specific.
pub fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

fn said(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(why) => certificate(why),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS: is it `http://` there?",
        rustls::Error::AlertReceived(_) => "it refuses to speak TLS with this program",
        rustls::Error::PeerIncompatible(_) => "it speaks no version of TLS that is safe",
        // The list may grow; its own messages are for programmers.
        _ => "TLS could not be agreed on with it",
    }
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is this machine's clock right?"
        }
        CertificateError::Revoked => "its certificate was revoked",
        CertificateError::UnknownIssuer => {
            "its certificate is not signed by an authority that this machine trusts: add the \
             authority to the machine's certificates, or name a file of it in `SSL_CERT_FILE`"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name than that of the address"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not meant for servers"
        }
        CertificateError::BadSignature => "its certificate's signature is wrong",
        CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is an authority's own, as one that is signed by itself usually is: \
             give the server one that is signed by it, with `basicConstraints=CA:FALSE`, and let \
             the machine trust the authority"
        }
        _ => "its certificate can't be checked",
    }
}

#[cfg(test)]
mod tests {
    use rustls::OtherError;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words_wherever_a_library_hides_it() {
        #[derive(Debug, thiserror::Error)]
        #[error("CaUsedAsEndEntity")]
        struct OfWebpki;
        let other = CertificateError::Other(OtherError(Arc::new(OfWebpki)));
        for (why, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
            (CertificateError::NotValidForName, "another name"),
            (other, "basicConstraints=CA:FALSE"),
            (CertificateError::BadEncoding, "can't be checked"),
        ] {
            let tls = rustls::Error::InvalidCertificate(why);
            let hidden = io::Error::other(io::Error::other(tls.clone()));
            assert!(in_words(&tls).unwrap().contains(words));
            assert!(in_words(&hidden).unwrap().contains(words));
            assert!(in_words(&io::Error::other(tls)).unwrap().contains(words));
        }
        assert_eq!(in_words(&io::Error::other("broken")), None);
    }
}
