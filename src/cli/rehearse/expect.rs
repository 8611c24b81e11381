//! `rehearse --expect FILE`: compares the rehearsal with the expected result, and shows the
//! differences.
//!
//! FILE is a part of the document of `rehearse --json`, as JSON or YAML: parts that it leaves out
//! are not compared. Of `jobs` and `runs` it may name some, and of a job whose runs it names all of
//! them; every other list is compared whole. Knows the document only as a value, not the job file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::durations::Given;
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::words::count;

/// The most bytes of FILE: the document of the largest rehearsal has less.
const FILE_MAX: u64 = 64 << 20;

/// Differences that are listed: with that many, a person looks at the first. The others are
/// counted.
const DIFFERENCES_MAX: usize = 100;

/// The longest value that is shown, in characters.
const SHOWN_MAX: usize = 120;

/// The expected result.
#[derive(Debug)]
pub(super) struct Expected(Value);

/// One difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// Its path: `totals.skipped`, `jobs.nightly.failed`.
    pub(super) path: String,
    /// The value in FILE; null if it has none.
    pub(super) expected: Value,
    /// The actual value; null if there is none.
    pub(super) found: Value,
}

/// `expected` in the document of `rehearse --expect FILE --json`.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    file: String,
    pub(super) met: bool,
    differences: Vec<Difference>,
    differences_left_out: usize,
}

impl Expected {
    /// Reads FILE.
    ///
    /// # Errors
    /// A message: it can't be read, or is not a part of such a document.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let bad = |words: &str| format!("`{shown}` can't be read as what is expected: {words}");
        let mut text = String::new();
        let file = File::open(path).map_err(|error| bad(&error.to_string()))?;
        let read = file.take(FILE_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| bad(&error.to_string()))?;
        if text.len() as u64 > FILE_MAX {
            return Err(bad("it is larger than 64 MB"));
        }
        // YAML includes JSON.
        let value: Value = serde_yaml::from_str(&text).map_err(|error| bad(&error.to_string()))?;
        match value.as_object().is_some_and(|object| !object.is_empty()) {
            true => Ok(Self(value)),
            false => Err(bad(
                "it holds no keys; expected a part of what `transferd rehearse --json` prints",
            )),
        }
    }

    /// When the rehearsal begins, unless `--from` says otherwise.
    pub(super) fn from(&self) -> Option<&str> {
        self.0["from"].as_str()
    }

    /// How many days are played, unless `--days` says otherwise.
    pub(super) fn days(&self) -> Option<u32> {
        self.0["days"].as_u64().and_then(|days| u32::try_from(days).ok())
    }

    /// The seed, unless `--seed` says otherwise.
    pub(super) fn seed(&self) -> Option<u64> {
        self.0["seed"].as_u64()
    }

    /// The share of transfers that fail, unless `--fail` says otherwise.
    pub(super) fn fail(&self) -> Option<f64> {
        self.0["fail"].as_f64().filter(|share| (0.0..=1.0).contains(share))
    }

    /// The durations of each job that were given to the rehearsal in FILE.
    pub(super) fn durations(&self) -> impl Iterator<Item = Given> {
        let jobs = self.0["jobs"].as_array().map_or(&[][..], Vec::as_slice);
        jobs.iter().filter_map(|job| {
            let duration = &job["duration"];
            let seconds = duration["longest_seconds"].as_f64()?;
            let length = SignedDuration::try_from_secs_f64(seconds).ok()?;
            (duration["basis"] == "given" && length > SignedDuration::ZERO)
                .then(|| Given { job: job["name"].as_str().map(str::to_owned), duration: length })
        })
    }

    /// The differences, in the order of FILE.
    pub(super) fn compare(&self, found: &Value, file: &Path) -> Verdict {
        let mut differences = Vec::new();
        compare("", &self.0, found, &mut differences);
        let differences_left_out = differences.len().saturating_sub(DIFFERENCES_MAX);
        let met = differences.is_empty();
        differences.truncate(DIFFERENCES_MAX);
        Verdict { file: file.display().to_string(), met, differences, differences_left_out }
    }
}

impl Verdict {
    /// The differences for people.
    pub(super) fn tell(&self, color: bool, out: &mut dyn Write) -> io::Result<()> {
        let paint = Paint(color);
        for Difference { path, expected, found } in &self.differences {
            let words = match (expected, found) {
                (Value::Null, found) => format!("not expected: {}", shown(found)),
                (expected, Value::Null) => format!("expected, but not there: {}", shown(expected)),
                (expected, found) => {
                    format!("expected {}, found {}", shown(expected), shown(found))
                }
            };
            writeln!(out, "{} {path}: {words}", paint.tone(Tone::Bad, "✗"))?;
        }
        if self.differences_left_out > 0 {
            writeln!(out, "… and {}", count(self.differences_left_out, "more difference"))?;
        }
        match self.met {
            true => writeln!(out, "the rehearsal comes out as {} expects", self.file)?,
            false => {
                let all = self.differences.len() + self.differences_left_out;
                let number = count(all, "difference");
                writeln!(
                    out,
                    "the rehearsal does not come out as {} expects: {number}",
                    self.file
                )?;
            }
        }
        out.flush()
    }
}

fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(_)) => {
            for (key, value) in expected {
                compare(&below(path, key), value, &found[key.as_str()], differences);
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            lists(path, expected, found, differences);
        }
        (expected, found) if same(expected, found) => {}
        (expected, found) => differences.push(Difference {
            path: path.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        }),
    }
}

/// Compares lists. Members of `jobs`, `runs`, `findings` and `waits` are identified by their
/// subject, others by their index.
fn lists(path: &str, expected: &[Value], found: &[Value], differences: &mut Vec<Difference>) {
    let names = |list: &[Value]| list.iter().map(identity).collect::<Option<Vec<_>>>();
    let (Some(wanted), Some(there)) = (names(expected), names(found)) else {
        for index in 0..expected.len().max(found.len()) {
            let at = |list: &[Value]| list.get(index).cloned().unwrap_or_default();
            let path = format!("{path}[{index}]");
            match (expected.get(index), found.get(index)) {
                (Some(expected), Some(found)) => compare(&path, expected, found, differences),
                (None, _) | (_, None) => {
                    differences.push(Difference { path, expected: at(expected), found: at(found) })
                }
            }
        }
        return;
    };
    let mut left: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, name) in there.iter().enumerate().rev() {
        left.entry(name).or_default().push(index);
    }
    for (value, name) in expected.iter().zip(&wanted) {
        let index = left.get_mut(name.as_str()).and_then(Vec::pop);
        let path = below(path, name);
        match index {
            Some(index) => compare(&path, value, &found[index], differences),
            None => {
                differences.push(Difference { path, expected: value.clone(), found: Value::Null })
            }
        }
    }
    let named: BTreeSet<&str> = expected.iter().filter_map(|run| run["job"].as_str()).collect();
    for (index, value) in found.iter().enumerate() {
        let compared = match path {
            "jobs" => false,
            "runs" => value["job"].as_str().is_some_and(|job| named.contains(job)),
            _ => true,
        };
        let unnamed = left.get(there[index].as_str()).is_some_and(|left| left.contains(&index));
        if compared && unnamed {
            let path = below(path, &there[index]);
            differences.push(Difference { path, expected: Value::Null, found: value.clone() });
        }
    }
}

/// The subject of a member of a list.
fn identity(member: &Value) -> Option<String> {
    let text = |key: &str| member[key].as_str();
    if let Some(kind) = text("kind") {
        let jobs = member["jobs"].as_array()?.iter().filter_map(Value::as_str);
        return Some(format!("{kind}({})", jobs.collect::<Vec<_>>().join(", ")));
    }
    if let Some(what) = text("for") {
        return Some(text("job").map_or_else(|| what.to_owned(), |job| format!("{what}({job})")));
    }
    match (text("job"), text("scheduled_for")) {
        (Some(job), Some(time)) => {
            let time = time.parse::<Timestamp>().map_or(time.to_owned(), |at| at.to_string());
            Some(format!("{job}({time})"))
        }
        _ => text("name").map(str::to_owned),
    }
}

/// Times are equal in any zone, numbers in any notation.
fn same(expected: &Value, found: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    match (expected.as_f64(), found.as_f64(), time(expected), time(found)) {
        (Some(expected), Some(found), _, _) => (expected - found).abs() < f64::EPSILON,
        (_, _, Some(expected), Some(found)) => expected == found,
        _ => expected == found,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A finding by its sentence, anything else as JSON; cut if it is long.
fn shown(value: &Value) -> String {
    let text = match value["message"].as_str() {
        Some(message) => message.to_owned(),
        None => value.to_string(),
    };
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differences(expected: Value, found: &Value) -> Vec<String> {
        let verdict = Expected(expected).compare(found, Path::new("e"));
        verdict.differences.into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn what_is_left_out_is_not_compared_and_what_is_named_is() {
        let run = |job: &str, hour: u32, state: &str| {
            json!({"job": job, "scheduled_for": format!("2027-03-01T{hour:02}:00:00+01:00"),
                   "state": state})
        };
        let found = json!({
            "from": "2027-03-01T00:00:00+01:00",
            "totals": {"failed": 0, "skipped": 2},
            "findings": [{"kind": "late", "jobs": ["a"], "message": "`a` is late"}],
            "jobs": [{"name": "a", "failed": 1}, {"name": "b", "failed": 0, "longest_at": null}],
            "runs": [run("a", 1, "failed"), run("a", 2, "succeeded"), run("b", 1, "succeeded")],
        });
        for good in [
            found.clone(),
            json!({"from": "2027-02-28T23:00:00Z", "totals": {"failed": 0.0}}),
            json!({"findings": [{"kind": "late", "jobs": ["a"]}]}),
            json!({"jobs": [{"name": "b", "failed": 0}]}),
            json!({"runs": [{"job": "b", "scheduled_for": "2027-03-01T00:00:00Z"}]}),
        ] {
            assert_eq!(differences(good.clone(), &found), [""; 0], "{good}");
        }
        for (bad, path) in [
            (json!({"totals": {"skipped": 1}}), "totals.skipped"),
            (json!({"totals": {"skiped": 2}}), "totals.skiped"),
            (json!({"findings": []}), "findings.late(a)"),
            (json!({"jobs": [{"name": "c"}]}), "jobs.c"),
            (json!({"jobs": [{"name": "a", "failed": 0}]}), "jobs.a.failed"),
            (json!({"runs": [run("a", 1, "failed")]}), "runs.a(2027-03-01T01:00:00Z)"),
            (json!({"runs": [run("b", 1, "failed")]}), "runs.b(2027-03-01T00:00:00Z).state"),
            (json!({"jobs": 3}), "jobs"),
        ] {
            assert_eq!(differences(bad.clone(), &found), [path], "{bad}");
        }
    }
}
