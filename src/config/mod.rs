//! The job file: text in, a job set out, or every error with its place.
//!
//! `load` reads files, `yaml_hints` and `node` make trees of them, `raw` declares the keys,
//! `assemble` combines files, `build` makes jobs, `warn` and `overlaps` check them for warnings,
//! and `locate` turns their findings into [`Diagnostic`]s. Knows `core` only.

mod agent;
mod alerts;
mod assemble;
mod bounds;
mod build;
mod cities;
mod depth;
mod diagnostic;
mod difference;
mod fields;
mod foreign_keys;
mod glob;
mod glued;
pub(crate) mod key_examples;
mod keys;
mod listen;
mod lists;
mod load;
mod locate;
mod lookup;
mod mask;
mod names;
mod node;
mod numbers;
mod off;
mod open_quote;
mod overlaps;
mod path_hints;
mod paths;
mod patterns;
mod problem;
mod raw;
mod reader;
mod schema;
mod secret_file;
mod secret_lines;
mod secrets;
mod sources;
mod spans;
mod urls;
mod users;
mod values;
mod warn;
mod yaml_hints;
mod yaml_slips;
mod zones;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::core::job::JobSet;
use crate::settings::Settings;

/// The most bytes of a job file that does not come from a file.
pub const STREAM_BYTES: u64 = bounds::FILE_BYTES;

pub use self::diagnostic::{Diagnostic, Excerpt, Severity};
pub use self::difference::{Changed, Difference, Differs, difference};
pub use self::fields::{Field, job_fields, setting_fields};
pub use self::load::Edit;
pub use self::lookup::Lookup;
pub use self::names::known_elsewhere;
pub use self::paths::{SYSTEM, default_path};
pub use self::schema::schema;
pub use self::sources::{SourceFile, Sources};
pub use self::zones::KeptZone;

/// The text of a job file for others to read: each possible secret is hidden, line by line.
pub fn without_secrets(text: &str) -> String {
    let lines = secret_lines::SecretLines::of(text.lines());
    let told = |(i, line): (usize, &str)| format!("{}\n", lines.mask(i + 1, line, 0..0).0);
    text.lines().enumerate().map(told).collect()
}

/// The facts on which the meaning of a job file depends besides its text.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The machine's zone, with its name.
    pub system_zone: (String, TimeZone),
    /// Why it differs from the machine's settings, in words, if it does.
    pub zone_trouble: Option<String>,
    /// The time: warnings look ahead from here.
    pub now: Timestamp,
}

/// The content of a job file.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The part that the engine decides by.
    pub set: Arc<JobSet>,
    /// The part that the daemon around it obeys.
    pub settings: Arc<Settings>,
}

/// A valid job file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its content.
    pub content: Content,
    /// The source texts.
    pub sources: Sources,
    /// The warnings.
    pub warnings: Vec<Diagnostic>,
    /// Files and folders whose change may change the job set; the token's file is not among them.
    pub watched: Vec<PathBuf>,
}

/// A refused job file.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The errors: at least one.
    pub errors: Vec<Diagnostic>,
    /// The warnings.
    pub warnings: Vec<Diagnostic>,
    /// The texts that could be read.
    pub sources: Box<Sources>,
    /// Files and folders whose change may fix it.
    pub watched: Vec<PathBuf>,
}

/// Reads a job file, or a folder of them, from the disk. Blocks, and leaves garbage behind: call it
/// on a short-lived thread.
///
/// # Errors
///
/// All errors at once.
pub fn read(path: &Path, surroundings: &Surroundings) -> Result<Loaded, Rejected> {
    assemble::assemble(load::from_disk(path, None), surroundings)
}

/// Reads a job file, or a folder of them, as if an edit were in its file's place already. Absent
/// if that file is not one of those that are read.
pub fn read_edited(
    path: &Path,
    edit: &Edit,
    surroundings: &Surroundings,
) -> Option<Result<Loaded, Rejected>> {
    let read = load::from_disk(path, Some(edit.clone()));
    read.has_read(&edit.of).then(|| assemble::assemble(read, surroundings))
}

/// Reads a job file that does not come from a file: `name` is used in messages. More than
/// [`STREAM_BYTES`] are refused.
///
/// # Errors
///
/// All errors at once.
pub fn read_bytes(
    name: &Path,
    bytes: Vec<u8>,
    surroundings: &Surroundings,
) -> Result<Loaded, Rejected> {
    assemble::assemble(load::from_bytes(name, bytes), surroundings)
}

/// Parses texts that were read from the disk earlier, without touching it.
///
/// # Errors
///
/// All errors at once.
pub fn parse(sources: &Sources, surroundings: &Surroundings) -> Result<Loaded, Rejected> {
    assemble::assemble(load::again(sources), surroundings)
}
