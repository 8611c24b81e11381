//! Addresses and headers, which are secrets: read anew at each delivery, so that a change needs no
//! reload, and never quoted in messages.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;

use super::limits::SECRET_FILE_MAX;
use super::program;
use crate::address;
use crate::core::job::{AlertChannel, SecretText};
use crate::privacy::{self, SecretKind};
use crate::trusted;

/// Headers that belong to the connection or say where the body ends (RFC 9110, 7.6.1; RFC 9112, 6):
/// another value than the client's own breaks the message.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads secrets, and remembers the files that it has warned of.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    exposed: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Secrets {
    /// The address; or why it is not known, as a message.
    pub(super) fn address(&self, text: &SecretText) -> Result<Url, String> {
        let (address, named) = match text {
            SecretText::Inline(address) => (address.clone(), "the `url`".to_owned()),
            SecretText::File(path) => {
                (self.read(path)?, format!("what the file `{}` holds", path.display()))
            }
        };
        privacy::remember(&SecretString::from(address.trim()), SecretKind::Address);
        address::parse(address.trim())
            .map_err(|flaw| format!("{named} is not a usable address: {}", flaw.message))
    }

    /// The headers of a file, one `Name: value` a line; blank lines and those that begin with `#`
    /// are ignored.
    pub(super) fn headers(&self, path: &Path) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let text = self.read(path)?;
        for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let header = line.split_once(':').and_then(|(name, value)| {
                let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                privacy::remember(&SecretString::from(value.trim()), SecretKind::Random);
                let mut value = HeaderValue::from_str(value.trim()).ok()?;
                value.set_sensitive(true);
                Some((name, value))
            });
            let Some((name, value)) = header else {
                let (line, path) = (i + 1, path.display());
                return Err(format!(
                    "line {line} of `{path}` is not a header: write `Name: value`"
                ));
            };
            if FRAMING.contains(&name.as_str()) {
                let (line, path) = (i + 1, path.display());
                return Err(format!(
                    "line {line} of `{path}` sets `{name}`, which says where the message ends: it \
                     is set for each message"
                ));
            }
            headers.append(name, value);
        }
        Ok(headers)
    }

    fn read(&self, path: &Path) -> Result<String, String> {
        let shown = path.display();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => format!("the file `{shown}` does not exist"),
            io::ErrorKind::InvalidInput => format!("`{shown}` is not a regular file"),
            _ if trusted::is_changeable(&error) => {
                format!("the file `{shown}` is not used: {error}; {}", trusted::HINT)
            }
            io::ErrorKind::PermissionDenied => format!("the file `{shown}` may not be read"),
            _ => format!("the file `{shown}` can't be read: {error}"),
        };
        let file = trusted::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut content = Vec::new();
        file.take(SECRET_FILE_MAX + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 > SECRET_FILE_MAX {
            return Err(format!("the file `{shown}` is longer than {SECRET_FILE_MAX} bytes"));
        }
        let exposed = privacy::others_may_read(metadata.mode(), metadata.gid());
        self.note_protection(path, exposed.then(|| metadata.mode() & 0o7777));
        String::from_utf8(content).map_err(|_| format!("the file `{shown}` is not text"))
    }

    /// Warns once of a file that others can read, until they can't.
    fn note_protection(&self, path: &Path, exposed: Option<u32>) {
        // Nothing panics while it is held; even then, the set would be consistent.
        let mut warned = self.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        match exposed {
            Some(mode) if warned.insert(path.to_owned()) => {
                tracing::warn!("{}", exposure(path, mode));
            }
            Some(_) => {}
            None => {
                warned.remove(path);
            }
        }
    }
}

/// The warning about a file that others can read.
fn exposure(path: &Path, mode: u32) -> String {
    format!(
        "the file `{}` of an alert can be read by others (mode {mode:04o}); `chmod 600` it, or \
         640 with the service's own group",
        path.display()
    )
}

/// The problems with the protection of these channels' secrets, in words: each file that others can
/// read. One that can't be checked is reported when it is used.
pub fn exposed_files<'a>(channels: impl Iterator<Item = &'a AlertChannel>) -> Vec<String> {
    let files: BTreeSet<&Path> = channels.flat_map(files_of).collect();
    let exposed = files.into_iter().filter_map(|path| {
        let found = std::fs::metadata(path).ok()?;
        let exposed = privacy::others_may_read(found.mode(), found.gid());
        exposed.then(|| exposure(path, found.mode() & 0o7777))
    });
    exposed.collect()
}

/// The files of these channels that root does not obey, in words: those that others can change, of
/// secrets and of programs. Others that can't be used are reported when they are.
pub fn files_not_obeyed<'a>(channels: impl Iterator<Item = &'a AlertChannel>) -> Vec<String> {
    let of_channel = |channel: &'a AlertChannel| {
        let program = match channel {
            AlertChannel::Command(words) => words.first().map(|name| program::located(name)),
            AlertChannel::Webhook { .. } | AlertChannel::Ping { .. } => None,
        };
        files_of(channel).map(Path::to_owned).chain(program)
    };
    let files: BTreeSet<PathBuf> = channels.flat_map(of_channel).collect();
    let refused = files.into_iter().filter_map(|path| {
        let error = trusted::open(&path).err().filter(trusted::is_changeable)?;
        let what = path.display();
        Some(format!("the file `{what}` of an alert is not obeyed: {error}; {}", trusted::HINT))
    });
    refused.collect()
}

/// The files that a channel takes its secrets from.
fn files_of(channel: &AlertChannel) -> impl Iterator<Item = &Path> {
    let (url, headers) = match channel {
        AlertChannel::Webhook { url, headers_file } => (Some(url), headers_file.as_deref()),
        AlertChannel::Ping { url } => (Some(url), None),
        AlertChannel::Command(_) => (None, None),
    };
    let url = url.and_then(|url| match url {
        SecretText::File(path) => Some(path.as_path()),
        SecretText::Inline(_) => None,
    });
    url.into_iter().chain(headers)
}

/// A library's or a receiver's words, without the parts of an address in it.
pub(super) fn masked(words: &str, url: &Url) -> String {
    /// A shorter step of a path is a word, which may occur in others.
    const STEP_MIN: usize = 6;
    let mut masked = words.to_owned();
    let wholes = [Some(url.as_str()), url.host_str(), Some(url.path()), url.query()];
    let wholes = wholes.into_iter().flatten().filter(|part| part.len() > 1);
    let steps = url.path().split('/').filter(|step| step.len() >= STEP_MIN);
    for part in wholes.chain(steps) {
        masked = masked.replace(part, "…");
    }
    masked
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn words_of_a_library_repeat_nothing_of_an_address() {
        let url = Url::parse("https://hooks.example.com/T0p/Secret?key=abc").unwrap();
        let words = "certificate not valid for name \"hooks.example.com\" at /T0p/Secret?key=abc";
        let masked = masked(words, &url);
        assert_eq!(masked, "certificate not valid for name \"…\" at …?…");
    }

    #[test]
    fn headers_are_lines_and_a_bad_one_is_named_by_its_number_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        let secrets = Secrets::default();
        std::fs::write(&path, "# for ops\n\nX-Key:  s3cret \nX-Key: two\n").unwrap();
        let headers = secrets.headers(&path).unwrap();
        let values: Vec<_> = headers.get_all("x-key").iter().collect();
        assert_eq!(values, ["s3cret", "two"]);
        assert!(!format!("{headers:?}").contains("s3cret"));
        std::fs::write(&path, "\u{feff}X-Key: one\n").unwrap();
        assert_eq!(secrets.headers(&path).unwrap().len(), 1, "editors of Windows begin so");
        for framing in ["Content-Length: 3", "transfer-encoding: chunked", "Connection: close"] {
            std::fs::write(&path, format!("X-Key: one\n{framing}\n")).unwrap();
            let error = secrets.headers(&path).unwrap_err();
            assert!(error.starts_with("line 2 of `") && error.contains("sets `"), "{error}");
        }
        std::fs::write(&path, "X-Key: one\ns3cret\n").unwrap();
        let error = secrets.headers(&path).unwrap_err();
        assert!(error.starts_with("line 2 of `") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn an_address_is_read_from_its_file_each_time_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        let (secrets, file) = (Secrets::default(), SecretText::File(path.clone()));
        assert!(secrets.address(&file).unwrap_err().ends_with("does not exist"));
        std::fs::write(&path, " https://h/s3cret\n").unwrap();
        assert_eq!(secrets.address(&file).unwrap().path(), "/s3cret");
        for bad in
            ["s3cret", "ftp://h/s3cret", "https://", "http:// s3cret", "http://1.2.3.256/s3cret"]
        {
            std::fs::write(&path, bad).unwrap();
            let error = secrets.address(&file).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(secrets.address(&file).unwrap_err().contains("is longer than"));
    }

    #[test]
    fn a_file_that_others_can_read_is_warned_of_once_until_they_can_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        std::fs::write(&path, "http://h/").unwrap();
        let (secrets, file) = (Secrets::default(), SecretText::File(path.clone()));
        for (mode, warned) in [(0o644, true), (0o644, true), (0o600, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            secrets.address(&file).unwrap();
            assert_eq!(secrets.exposed.lock().unwrap().contains(&path), warned, "{mode:o}");
        }
    }
}
