//! The pages of `docs/` that are made from the source are current.
//!
//! `TRANSFERD_WRITE=1 cargo test --lib references` writes them anew.

mod commands;
mod job_file;
mod json;
mod key_examples;
mod metrics;

use std::path::Path;

/// The beginning of a page, below its heading.
const MADE: &str = "<!-- Made from the source: `TRANSFERD_WRITE=1 cargo test --lib references` -->";

/// Compares a page with the one made from the source, or writes it.
fn holds(name: &str, heading: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let page = format!("# {heading}\n\n{MADE}\n\n{}\n", text.trim_end());
    if std::env::var_os("TRANSFERD_WRITE").is_some() {
        return std::fs::write(&path, page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(page.lines()).find(|(found, made)| found != made);
    let made = "make it anew with `TRANSFERD_WRITE=1 cargo test --lib references`";
    assert!(found == page, "docs/{name} is not current: {differs:?}; {made}");
}

/// Words for a cell of a table.
fn cell(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").replace('|', "\\|").replace('<', "\\<")
}

#[test]
fn references_are_current() {
    holds("job-file.md", "The job file", &job_file::page());
    holds("commands.md", "Commands", &commands::page());
    holds("metrics.md", "Metrics", &metrics::page());
    holds("json.md", "JSON", &json::page());
}
