//! transferd-jobs(5): the job file, key by key, from its schema.

use std::io::{self, Write};

use clap_mangen::roff::{Roff, bold, roman};

use super::explain::{Document, every_key};
use crate::config::key_examples::EXAMPLE_FILE;

/// The location and use of the file.
const DESCRIPTION: &[&str] = &[
    "The job file tells transferd(1) which transfers there are, and when they run. It is YAML, and \
     lies in /etc/transferd/jobs.yaml for root and the system service, else in \
     $XDG_CONFIG_HOME/transferd/jobs.yaml. A folder may be named instead: its *.yaml and *.yml \
     files are read in name order.",
    "A file with an error is never half applied: the jobs that were in force stay. `transferd \
     check` reports every error with its place, `transferd diff` what a new file would change. \
     Unknown keys are errors; top-level keys that start with x- are left alone, for anchors.",
    "Durations are written 500ms, 90s, 1h30m or 2d. Paths may hold {%Y-%m-%d} patterns of the \
     run's scheduled time in the job's timezone, with an offset where wanted ({-1d:%Y-%m-%d}), \
     {job}, {run} and {hostname}; {{ and }} are literal braces.",
];

/// The page.
pub(super) fn page(out: &mut dyn Write) -> io::Result<()> {
    let mut page = Roff::new();
    let version = concat!("transferd ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["transferd-jobs", "5", " ", version, "File Formats"]);
    page.control("SH", ["NAME"]);
    page.text([roman("transferd-jobs - the job file of transferd")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.text([roman(*paragraph)]);
        page.control("PP", []);
    }
    let keys = every_key();
    for map in keys.iter().filter(|document| !document.keys.is_empty()) {
        section(&mut page, map, &keys);
    }
    page.control("SH", ["EXAMPLE"]);
    page.control("nf", []);
    for line in EXAMPLE_FILE.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("transferd"), roman("(1), "), bold("crontab"), roman("(5)")]);
    page.to_writer(out)?;
    out.flush()
}

/// The keys of one map.
fn section(page: &mut Roff, map: &Document, all: &[Document]) {
    let heading = match map.key.as_str() {
        "" => "TOP-LEVEL KEYS".to_owned(),
        "jobs" => "KEYS OF A JOB".to_owned(),
        key => format!("KEYS OF {key}"),
    };
    page.control("SH", [heading.as_str()]);
    if map.key == "defaults" {
        page.text([roman("Each optional key of a job; a job's own value goes before it.")]);
        return;
    }
    for below in &map.keys {
        let key = match map.key.as_str() {
            "" => below.name.clone(),
            above => format!("{above}.{}", below.name),
        };
        let Some(document) = all.iter().find(|document| document.key == key) else { continue };
        page.control("TP", []);
        page.text([bold(below.name.as_str()), roman(format!("  {}", kind(document)))]);
        page.text([roman(document.description.as_str())]);
        for value in &document.values {
            page.control("br", []);
            page.text([bold(value.name.as_str()), roman(format!(": {}", value.description))]);
        }
    }
}

/// Its type and its default.
fn kind(document: &Document) -> String {
    match &document.default {
        _ if document.required => format!("({}, required)", document.kind),
        Some(default) => format!("({}, default: {default})", document.kind),
        None => format!("({})", document.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_of_a_job_is_on_the_page() {
        let mut out = Vec::new();
        page(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap().replace("\\-", "-");
        assert!(page.starts_with(".ie ") || page.contains(".TH transferd-jobs 5"), "{page}");
        for key in every_key().iter().filter(|document| document.key.starts_with("jobs.")) {
            let name = key.key.rsplit('.').next().unwrap();
            assert!(page.contains(&format!("\\fB{name}\\fR")), "no `{}`", key.key);
        }
        assert!(page.contains("default: skip") && page.contains("KEYS OF jobs.retry"), "{page}");
    }
}
