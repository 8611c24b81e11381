//! The source texts of a job file: what the daemon keeps of the last good one.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::zones::KeptZone;

/// Every file that was read, with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The job file or folder, as it was named.
    pub root: PathBuf,
    /// The folder that relative paths start from: the working folder when the files were read.
    pub base: PathBuf,
    /// The files, the root's own first, included ones after the one that names them.
    pub files: Vec<SourceFile>,
    /// The rules of the zones that the files name, in case the machine loses them.
    #[serde(default)]
    pub zones: Vec<KeptZone>,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path, as it was named or found.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for SourceFile {
    /// Without the text: addresses of webhooks are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.path.display(), self.text.len())
    }
}

impl SourceFile {
    /// The text without a byte order mark.
    pub(crate) fn content(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

impl Sources {
    /// Keeps a zone's rules, replacing older ones.
    pub(crate) fn keep(&mut self, zone: KeptZone) {
        self.zones.retain(|known| !known.is_of_same_name(&zone));
        self.zones.push(zone);
        self.zones.sort_by(|a, b| a.name().cmp(b.name()));
    }

    /// A path that a file names, made absolute: relative ones are relative to that file.
    pub(crate) fn resolve(&self, file: u32, named: &str) -> PathBuf {
        let beside = self
            .files
            .get(file as usize)
            .and_then(|file| file.path.parent())
            .unwrap_or_else(|| Path::new(""));
        self.base.join(beside).join(named)
    }
}
