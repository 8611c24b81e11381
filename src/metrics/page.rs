//! Encodes figures as the text that a Prometheus server scrapes (text format 0.0.4), piece by
//! piece.
//!
//! The format wants all samples of a metric together, so all figures must be there before the first
//! line. It does not require all of the text at once: ten thousand jobs make megabytes.
//! `prometheus-client` can't stop between two samples, names counters without their `_total` where
//! it declares them (that is OpenMetrics), and keeps a map of labels for each series.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

use super::families::{FAMILIES, Samples};
use super::histogram::Histogram;
use super::snapshot::{Figures, JobFigures};

/// The format, as HTTP names it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A piece is hardly longer, and so is written in well under a millisecond.
const PIECE: usize = 32 * 1024;

/// The text of figures, written piece by piece.
#[derive(Debug)]
pub struct Page {
    figures: Figures,
    jobs: Vec<JobFigures>,
    /// The next family, and its next job.
    family: usize,
    job: usize,
}

impl Page {
    /// A page of which nothing has been written yet.
    pub fn new(figures: Figures, jobs: Vec<JobFigures>) -> Self {
        Self { figures, jobs, family: 0, job: 0 }
    }

    fn piece(&mut self) -> String {
        let mut text = String::with_capacity(PIECE + PIECE / 8);
        while let Some(family) = FAMILIES.get(self.family)
            && text.len() < PIECE
        {
            let mut lines = Lines { text: &mut text, name: family.name };
            if self.job == 0 {
                lines.header(family.help, family.kind);
            }
            match family.samples {
                Samples::Whole(write) => write(&self.figures, &mut lines),
                Samples::OfEachJob(write) => {
                    for job in &self.jobs[self.job..] {
                        self.job += 1;
                        write(job, &mut lines);
                        if lines.text.len() >= PIECE {
                            break;
                        }
                    }
                    if self.job < self.jobs.len() {
                        continue;
                    }
                }
            }
            (self.family, self.job) = (self.family + 1, 0);
        }
        text
    }
}

impl Iterator for Page {
    type Item = String;

    /// The next piece: whole lines.
    fn next(&mut self) -> Option<String> {
        Some(self.piece()).filter(|piece| !piece.is_empty())
    }
}

/// The lines of one metric.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Lines<'_> {
    fn header(&mut self, help: &str, kind: &str) {
        let name = self.name;
        // Writing to a string does not fail; that holds for all of this file.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, value);
    }

    /// A sample that is 1 or 0.
    pub fn flag(&mut self, labels: &[(&str, &str)], value: bool) {
        self.sample(labels, u8::from(value));
    }

    /// An instant, in seconds since 1970.
    pub fn instant(&mut self, labels: &[(&str, &str)], at: Timestamp) {
        let (seconds, millis) = (at.as_second(), at.subsec_millisecond());
        match millis {
            1.. => self.sample(labels, format_args!("{seconds}.{millis:03}")),
            _ => self.sample(labels, seconds),
        }
    }

    /// A distribution.
    pub fn histogram(&mut self, histogram: &Histogram) {
        for (bound, count) in histogram.buckets() {
            self.line("_bucket", &[("le", &bound.to_string())], count);
        }
        self.line("_bucket", &[("le", "+Inf")], histogram.count());
        self.line("_sum", &[], histogram.sum());
        self.line("_count", &[], histogram.count());
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        for (index, (label, word)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            for letter in word.chars() {
                match letter {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::counters::{JobTally, Tally};
    use super::*;
    use crate::core::ids::JobName;

    fn page(jobs: &[&str]) -> Page {
        let tally = Tally::default();
        let figures = Figures {
            version: "1.2.3",
            config_valid: true,
            config_loaded_at: Some(Timestamp::from_millisecond(1_500).unwrap()),
            agent_up: None,
            agent_asked_at: None,
            token_expires_at: None,
            cancels_unconfirmed: 0,
            alerts_waiting: 0,
            deliveries: [("delivered", 2), ("failed", 1), ("given_up", 0)],
            requests: Vec::new(),
            durations: tally.durations().clone(),
            lags: tally.lags().clone(),
        };
        let job = |name: &&str| JobFigures {
            name: JobName::new(name),
            running: true,
            paused: false,
            late: false,
            next_run: None,
            last_success: None,
            tally: JobTally::default(),
        };
        Page::new(figures, jobs.iter().map(job).collect())
    }

    #[test]
    fn samples_are_written_as_the_text_format_wants_them() {
        let text: String = page(&["a\"b\\c\nd"]).collect();
        for line in [
            r#"transferd_job_running{job="a\"b\\c\nd"} 1"#,
            "transferd_config_last_reload_success_timestamp_seconds 1.500",
            "transferd_agent_up NaN",
            r#"transferd_alert_deliveries_total{outcome="failed"} 1"#,
            "# TYPE transferd_runs_total counter",
            r#"transferd_start_lag_seconds_bucket{le="0.25"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_long_page_comes_in_short_pieces_and_each_metric_stands_together() {
        let names: Vec<_> = (0..5_000).map(|n| format!("job-{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let pieces: Vec<_> = page(&names).collect();
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < PIECE + PIECE / 8));
        let text = pieces.concat();
        for family in FAMILIES {
            let header = format!("# TYPE {} ", family.name);
            assert_eq!(text.matches(&header).count(), 1, "{header}");
        }
        let running = text.lines().filter(|line| line.starts_with("transferd_job_running{"));
        assert_eq!(running.count(), 5_000);
    }
}
