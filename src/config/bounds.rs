//! Every bound of the job file, each with its reason. A text beyond one of them is refused with a
//! message; none is silently cut.

/// One file. 10,000 realistic jobs are 3.5 MB (docs/reference.md, "Finer points").
pub(crate) const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// All files together (docs/reference.md, "Finer points").
pub(crate) const TOTAL_BYTES: u64 = 64 * 1024 * 1024;

/// Files that make up one job file: a folder with one file for each of many jobs.
pub(crate) const FILES: usize = 20_000;

/// Lists and maps within one another. A job file needs six; both YAML parsers recurse or search
/// once for each level, so a deeper text must be refused before it reaches them.
pub(crate) const DEPTH: usize = 32;

/// Values in one file after aliases are filled in. 4 MB of nine-line jobs hold some 400,000; an
/// alias bomb holds billions.
pub(crate) const NODES: u32 = 1_500_000;

/// Errors that are listed; the others are only counted. A person fixes a few and checks again.
pub(crate) const ERRORS_SHOWN: usize = 100;

/// Warnings of one kind that are listed (docs/reference.md, "Finer points").
pub(crate) const WARNINGS_SHOWN: usize = 20;

/// Syntax accidents that are repaired in memory so that the rest of the file can be checked in the
/// same pass; each costs one more reading of the file.
pub(crate) const ACCIDENTS: usize = 10;

/// Bytes of a line that are examined to show a part of it: no line that people write is longer.
pub(crate) const LINE_SHOWN: usize = 4_000;

/// Bytes of a job's or an account's name: it becomes a metric label and part of paths.
pub(crate) const NAME_BYTES: usize = 200;

/// Bytes of any other text: object keys end at 1,024 bytes, descriptions are longer.
pub(crate) const TEXT_BYTES: usize = 8 * 1024;

/// Expressions in one job's `schedule`.
pub(crate) const SCHEDULES: usize = 64;

/// Entries of `alerts`, and names or words in one of their lists.
pub(crate) const ALERTS: usize = 1_000;

/// Folder entries that one glob of `include` may examine.
pub(crate) const GLOB_ENTRIES: usize = 100_000;

/// A zone's file: the largest of the database have 4 kB.
pub(crate) const ZONE_BYTES: u64 = 64 * 1024;

/// Bytes of a glob or path of `include`: a path ends there (PATH_MAX), and larger globs can't be
/// compiled.
pub(crate) const GLOB_BYTES: usize = 4_096;

/// How deep files may include one another.
pub(crate) const INCLUDE_DEPTH: usize = 16;

/// How many lines above the place of a YAML error a forgotten quote is looked for: a job is hardly
/// longer, and the next quoted text ends the search.
pub(crate) const QUOTE_REACH: usize = 30;
