//! TLS as this process speaks it: rustls over ring, the smallest of its providers, and the
//! certificates that the machine trusts.
//!
//! Built here for every HTTP client, as a client that is told nothing reads the machine's
//! certificates though it will never need one. Keeps no global state.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// For clients that speak plain HTTP only: nobody is trusted.
pub fn none() -> ClientConfig {
    trusting(RootCertStore::empty())
}

/// For clients that go out: trusts whom the machine trusts (`SSL_CERT_FILE` names others). Reads
/// files for some milliseconds.
///
/// # Errors
/// Words for it, if the machine has no certificate to go by.
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
