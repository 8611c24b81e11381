//! `docs/metrics.md`: each metric with its labels, as a scrape of a daemon that has met everything
//! has them.

use std::collections::BTreeMap;

use super::cell;
use crate::core::ids::JobName;
use crate::metrics::counters::{JobTally, Tally};
use crate::metrics::families::FAMILIES;
use crate::metrics::page::Page;
use crate::metrics::snapshot::{Figures, JobFigures, RequestFigure};

const OPENING: &str = "\
With `listen: 127.0.0.1:29180` in the job file the daemon serves `/metrics` in the Prometheus text \
format, and `/healthz`. Scrapes never contact the agent; its metrics date from the last contact. \
Counters start at 0 with the daemon, and those of a job with its entry in the job file. What is not known is `NaN`, which no alert fires on; what there \
is not has no sample. A histogram also has `_bucket` (with `le`), `_sum` and `_count`.
";

/// The page.
pub(super) fn page() -> String {
    let labels = labels();
    let mut text =
        format!("{OPENING}\n| metric | kind | labels | tells |\n| --- | --- | --- | --- |\n");
    for family in FAMILIES {
        let labels = labels.get(family.name).map(Vec::as_slice).unwrap_or_default();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.kind,
            labels.join(", "),
            cell(family.help)
        ));
    }
    text
}

/// The labels that the samples of each metric have.
fn labels() -> BTreeMap<String, Vec<String>> {
    let tally = Tally::default();
    let figures = Figures {
        version: "1.2.3",
        config_valid: true,
        config_loaded_at: None,
        agent_up: None,
        agent_asked_at: None,
        token_expires_at: None,
        cancels_unconfirmed: 0,
        alerts_waiting: 0,
        deliveries: [("delivered", 1), ("failed", 1), ("given_up", 1)],
        requests: vec![RequestFigure { endpoint: "get_all", outcome: "ok", count: 1 }],
        durations: tally.durations().clone(),
        lags: tally.lags().clone(),
    };
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    let mut met = JobTally::default();
    (met.attempts[0], met.skipped[0]) = (1, 1);
    let job = JobFigures {
        name: JobName::new("nightly"),
        running: true,
        paused: false,
        late: false,
        next_run: Some(now),
        last_success: Some(now),
        tally: met,
    };
    let page: String = Page::new(figures, vec![job]).collect();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let named = samples.filter_map(|line| line.split_once('{')).map(|(name, rest)| {
        let labels = rest.split('}').next().unwrap_or_default().split("\",");
        let labels = labels.filter_map(|label| label.split('=').next()).map(str::to_owned);
        (name.to_owned(), labels.collect())
    });
    named.collect()
}
