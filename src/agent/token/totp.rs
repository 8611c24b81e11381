//! One-time codes (RFC 6238) for `agent.login.totp_secret_file`.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret};

use super::TokenProblem;

/// The code for an instant, from a secret as authenticator apps show it: base32, possibly in groups
/// and in lower case.
pub(in crate::agent) fn code(
    secret: &SecretString,
    at: Timestamp,
) -> Result<SecretString, TokenProblem> {
    let problem = || {
        TokenProblem::Source(
            "the TOTP secret is not base32; it is the text that the authenticator app is set up \
             with"
                .to_owned(),
        )
    };
    let text: String = secret
        .expose_secret()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '='))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let secret = Secret::try_from_base32(&text).map_err(|_| problem())?;
    if secret.as_bytes().is_empty() {
        return Err(problem());
    }
    // RFC 4226 requires 128 bits, but providers hand out shorter secrets, and that is their
    // decision.
    let totp = Builder::new().with_secret(secret).build_noncompliant();
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    Ok(SecretString::from(totp.generate(seconds).to_string()))
}
