//! Files that hold one secret: a token, a password, a TOTP secret.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::TokenProblem;
use crate::agent::limits::TOKEN_MAX;
use crate::privacy::{self, SecretKind};
use crate::trusted;

/// A secret, and how well its file is protected.
#[derive(Clone, Debug)]
pub struct SecretFile {
    /// The file.
    pub path: PathBuf,
    /// Its content, without white space around it.
    pub secret: SecretString,
    /// The message to the operator if others can read the file.
    pub warning: Option<String>,
}

/// Reads a secret's file. `what` names the expected content in error messages.
pub fn read_secret(what: &str, path: &Path) -> Result<SecretFile, TokenProblem> {
    let shown = path.display();
    let fail = |why: String| TokenProblem::Source(format!("the {what} file `{shown}` {why}"));
    let unreadable = |error: io::Error| {
        if error.kind() == io::ErrorKind::PermissionDenied && !trusted::is_changeable(&error) {
            let user = rustix::process::geteuid().as_raw();
            return TokenProblem::Locked(format!(
                "the {what} file `{shown}` may not be read by this user (uid {user})"
            ));
        }
        fail(match error.kind() {
            io::ErrorKind::NotFound => "does not exist".to_owned(),
            io::ErrorKind::InvalidInput => "is not a regular file".to_owned(),
            _ if trusted::is_changeable(&error) => {
                format!("is not used: {error}; {}", trusted::HINT)
            }
            _ => format!("can't be read: {error}"),
        })
    };
    let file = trusted::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mut content = Vec::new();
    let limit = TOKEN_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > TOKEN_MAX {
        return Err(fail(format!("is longer than {TOKEN_MAX} bytes: that is not a {what}")));
    }
    let Ok(content) = String::from_utf8(content) else {
        return Err(fail("is not text".to_owned()));
    };
    let secret = content.trim_start_matches('\u{feff}').trim();
    if secret.is_empty() {
        return Err(fail("is empty".to_owned()));
    }
    if secret.contains(|c: char| c.is_control()) {
        return Err(fail(format!("holds more than one line, or is binary: that is not a {what}")));
    }
    let warning = privacy::others_may_read(metadata.mode(), metadata.gid()).then(|| {
        let mode = metadata.mode() & 0o7777;
        format!(
            "the {what} file `{shown}` can be read by others (mode {mode:04o}); \
             `chmod 600` it, or 640 with the service's own group"
        )
    });
    let secret = SecretString::from(secret);
    privacy::remember(&secret, SecretKind::Random);
    Ok(SecretFile { path: path.to_owned(), secret, warning })
}

/// Refuses text that can't be a token: it travels in a url, and every real one is one printable
/// word.
pub(in crate::agent) fn check_token(token: &SecretString, what: &str) -> Result<(), TokenProblem> {
    let token = token.expose_secret();
    let why = if token.is_empty() {
        "is empty"
    } else if token.len() > TOKEN_MAX {
        "is too long for a request"
    } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        "is not one word of printable ASCII"
    } else {
        return Ok(());
    };
    Err(TokenProblem::Source(format!("{what} {why}")))
}
