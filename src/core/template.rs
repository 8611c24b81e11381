//! Path templates: placeholder signatures.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ids::{JobName, RunId};

/// A path with patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(String);

/// What patterns are filled from.
#[derive(Clone, Copy, Debug)]
pub struct TemplateValues<'a> {
    /// The run's scheduled time, or the time of the trigger.
    pub at: Timestamp,
    /// The job's zone.
    pub zone: &'a TimeZone,
    /// `{job}`.
    pub job: &'a JobName,
    /// `{run}`.
    pub run: RunId,
    /// `{hostname}`.
    pub hostname: &'a str,
}

impl PathTemplate {
    /// The rendered path.
    pub fn render(&self, _values: &TemplateValues<'_>) -> String {
        self.0.clone()
    }
}
