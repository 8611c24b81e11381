//! The list of faults, `tests/faults.yaml`, as the command and the house rules read it.

use std::ops::Range;

use regex::Regex;
use serde::Deserialize;

/// One deliberate fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Its name: words and hyphens.
    pub(crate) name: String,
    /// What a user would lose by it.
    pub(crate) loses: String,
    /// The file that it is in, from the root of the sources.
    pub(crate) file: String,
    /// The expression or statement that is right. It stands in the file once, whatever its white
    /// space.
    pub(crate) original: String,
    /// What takes its place while the fault is switched on.
    pub(crate) faulty: String,
    /// The test that notices.
    pub(crate) caught_by: Catcher,
    /// The test notices by not coming to its end.
    #[serde(default)]
    pub(crate) hangs: bool,
}

/// A test that catches a fault: `package target test`, where `target` is `lib` or a file or folder
/// of `tests`, and `test` may stand for all cases of a test that has several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Catcher {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) test: String,
}

impl TryFrom<String> for Catcher {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [package, target, test] = words.as_slice() else {
            return Err(format!("expected `package target test`, found `{text}`"));
        };
        let [package, target, test] = [package, target, test].map(|word| (*word).to_owned());
        Ok(Self { package, target, test })
    }
}

impl Fault {
    /// Where the original stands in its file's text.
    ///
    /// # Errors
    /// In words, if it does not stand there exactly once.
    pub(crate) fn place(&self, text: &str) -> Result<Range<usize>, String> {
        let words: Vec<String> = self.original.split_whitespace().map(regex::escape).collect();
        let pattern = Regex::new(&words.join(r"\s+")).map_err(|error| error.to_string())?;
        let found: Vec<Range<usize>> = pattern.find_iter(text).map(|found| found.range()).collect();
        match found.as_slice() {
            [one] if !one.is_empty() => self.can_be_switched(one, text).map(|()| one.clone()),
            several => Err(format!(
                "{}: `{}` stands {} times in {}",
                self.name,
                self.original.trim(),
                several.len(),
                self.file
            )),
        }
    }
}

impl Fault {
    /// Looks whether a switch can take this place: it takes that of an expression, or of statements.
    ///
    /// # Errors
    /// In words, if the place is a piece of either, and the copy would not compile.
    fn can_be_switched(&self, place: &Range<usize>, text: &str) -> Result<(), String> {
        let (before, after) = (text[..place.start].trim_end(), text[place.end..].trim_start());
        let original = self.original.trim();
        let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
        let joined = (before.ends_with('.') && !line.starts_with("//")) || before.ends_with("::");
        let wrong = if joined {
            "is the end of a path or of a chain of calls"
        } else if ["&&", "||", "."].iter().any(|begin| original.starts_with(begin)) {
            "begins with an operator that has nothing on its left"
        } else if after.starts_with("=>") && !before.ends_with(" if") {
            "is a pattern"
        } else if original.ends_with(',') {
            "is an arm or a field, of which a switch can take the value alone"
        } else if after.starts_with("else") {
            "is the first part of an `if`"
        } else if self.faulty.trim().is_empty() && !original.ends_with([';', '}']) {
            "is an expression, and nothing would be in its place"
        } else {
            return Ok(());
        };
        Err(format!("{}: `{original}` {wrong}", self.name))
    }
}

/// Reads the list.
///
/// # Errors
/// In words, if it is not a list of faults.
pub(crate) fn read(text: &str) -> Result<Vec<Fault>, String> {
    serde_yaml::from_str(text).map_err(|error| format!("tests/faults.yaml: {error}"))
}
