//! Changes to a job's definition that one run has, and each run that repeats it: `--set KEY=VALUE`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::duration;
use crate::suggest;
use crate::template::PathTemplate;

/// The keys that `--set` accepts.
const KEYS: [&str; 4] = ["source.path", "destination.path", "allow_skip", "timeout"];

/// The limits of an attempt's timeout, as in the job file.
const TIMEOUTS: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(10), SignedDuration::from_hours(365 * 24));

/// Changes to the job's definition in a single run, and in each run that repeats it: `--set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// `source.path`, with patterns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
    /// `destination.path`, with patterns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_path: Option<String>,
    /// `allow_skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_skip: Option<bool>,
    /// `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<SignedDuration>,
}

impl Changes {
    /// Parses `KEY=VALUE` texts.
    ///
    /// # Errors
    /// A message about the first bad one.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut changes = Self::default();
        for text in texts {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| format!("`--set {text}` lacks a `=`: write KEY=VALUE"))?;
            let wrong = |why: String| format!("`--set {text}`: {why}");
            let twice = match key.trim() {
                "source.path" => changes.source_path.replace(path(value).map_err(wrong)?).is_some(),
                "destination.path" => {
                    changes.destination_path.replace(path(value).map_err(wrong)?).is_some()
                }
                "allow_skip" => {
                    let value = value.trim().parse::<bool>();
                    let value = value.map_err(|_| wrong("write `true` or `false`".to_owned()))?;
                    changes.allow_skip.replace(value).is_some()
                }
                "timeout" => changes.timeout.replace(timeout(value).map_err(wrong)?).is_some(),
                key => return Err(unknown_key(key)),
            };
            if twice {
                return Err(format!("`--set` names `{}` twice", key.trim()));
            }
        }
        Ok(changes)
    }

    /// True when nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn unknown_key(key: &str) -> String {
    let hint = match suggest::closest(key, &KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it takes {}", KEYS.map(|key| format!("`{key}`")).join(", ")),
    };
    format!("`--set` does not take `{key}`; {hint}")
}

/// A path. `""` is the empty one, the whole bucket: nothing at all may be a variable that is not
/// set.
fn path(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the path is empty; if the whole bucket is meant, write `\"\"` \
                    (`'source.path=\"\"'` in a shell)"
            .to_owned());
    }
    if ["\"\"", "''"].contains(&text) {
        return Ok(String::new());
    }
    if text.chars().any(char::is_control) {
        return Err("a path may not hold control characters".to_owned());
    }
    match PathTemplate::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

fn timeout(text: &str) -> Result<SignedDuration, String> {
    let none = ["none", "never", "off", "no", "0", "false", "unlimited", "infinite"];
    if none.contains(&text.trim().to_lowercase().as_str()) {
        return Err("there is always one; `365d` is the longest".to_owned());
    }
    let timeout = duration::parse(text.trim()).map_err(|error| error.to_string())?;
    if timeout < TIMEOUTS.0 || TIMEOUTS.1 < timeout {
        return Err("a `timeout` is from 10ms to 365 days".to_owned());
    }
    Ok(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Changes, String> {
        Changes::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_empty_path_is_the_whole_bucket_only_if_it_is_written_so() {
        for key in ["source.path", "destination.path"] {
            for empty in ["", " "] {
                let words = parse(&[&format!("{key}={empty}")]).unwrap_err();
                assert!(words.contains("whole bucket"), "{words}");
            }
        }
        let whole = parse(&["source.path=\"\"", "destination.path=''"]).unwrap();
        let paths = (whole.source_path.as_deref(), whole.destination_path.as_deref());
        assert_eq!(paths, (Some(""), Some("")));
        let words = parse(&["timeout=none"]).unwrap_err();
        assert!(words.contains("`365d` is the longest"), "{words}");
    }

    #[test]
    fn a_run_may_differ_in_paths_allow_skip_and_timeout() {
        let changes = parse(&[
            "source.path=a=b/",
            "destination.path=x/{%Y}/",
            "allow_skip=false",
            "timeout=1h30m",
        ]);
        let expected = Changes {
            source_path: Some("a=b/".to_owned()),
            destination_path: Some("x/{%Y}/".to_owned()),
            allow_skip: Some(false),
            timeout: Some(SignedDuration::from_mins(90)),
        };
        assert_eq!(changes, Ok(expected));
        assert!(parse(&[]).unwrap().is_empty());
    }

    #[test]
    fn anything_else_is_refused_with_what_would_be_right() {
        for (text, words) in [
            ("timeout", "KEY=VALUE"),
            ("timeuot=2h", "did you mean `timeout`"),
            ("bucket=b", "it takes `source.path`"),
            ("timeout=2", "--set timeout=2"),
            ("timeout=0s", "10ms"),
            ("allow_skip=yes", "`true` or `false`"),
            ("source.path=a\nb", "control characters"),
            ("source.path={nobody}/", "--set source.path"),
        ] {
            let refused = parse(&[text]).unwrap_err();
            assert!(refused.contains(words), "{text}: {refused}");
        }
        let twice = parse(&["timeout=2h", "timeout=3h"]).unwrap_err();
        assert!(twice.contains("twice"), "{twice}");
    }
}
