//! The READMEs, and the pages beside them, are true: each command is one, with options that
//! it has, each job file is good, and each page that is linked is there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::Command;

use clap::Parser;
use transferd::cli::Cli;

/// Pages for people.
const PAGES: [&str; 5] =
    ["README.md", "systemd/README.md", "docs/operations.md", "docs/daily-use.md", "docs/alerts.md"];

/// A block of a README: its language, the line that it begins on, its text without indentation.
struct Block {
    language: String,
    line: usize,
    text: String,
}

fn blocks(file: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (line, words) in text.lines().enumerate() {
        let inner = words.trim_start();
        match (inner.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let (language, text) = (language.trim().to_owned(), String::new());
                let block = Block { language, line: line + 1, text };
                open = Some((words.len() - inner.len(), block));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (None, Some((indent, block))) => {
                block.text += words.get(*indent..).unwrap_or_default();
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{file}: a block has no end");
    blocks
}

/// The `transferd` commands of a shell's lines, each as its words.
fn commands(block: &Block) -> Vec<Vec<String>> {
    let prompt = if block.language == "console" { "$ " } else { "" };
    let lines = block.text.lines().filter_map(|line| line.strip_prefix(prompt));
    let parts = lines.flat_map(|line| {
        let code = line.split(" #").next().unwrap_or(line);
        code.split(['|', ';']).flat_map(|part| part.split("&&")).map(str::trim).collect::<Vec<_>>()
    });
    let ours = parts.filter_map(|part| {
        let rest =
            part.strip_prefix("transferd ").or_else(|| part.strip_prefix("cargo run -- "))?;
        let words = rest.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned());
        Some(std::iter::once("transferd".to_owned()).chain(words).collect())
    });
    ours.collect()
}

#[test]
fn each_command_that_is_shown_can_be_typed() {
    let mut seen = 0;
    for file in PAGES {
        for block in blocks(file) {
            if !matches!(block.language.as_str(), "sh" | "console") {
                continue;
            }
            for command in commands(&block) {
                seen += 1;
                if let Err(error) = Cli::try_parse_from(&command) {
                    panic!("{file}:{}: `{}`: {error}", block.line, command.join(" "));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
}

#[test]
fn each_job_file_that_is_shown_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    let all = PAGES.into_iter().flat_map(|file| blocks(file).into_iter().map(move |b| (file, b)));
    for (file, block) in all.filter(|(_, block)| block.language == "yaml") {
        let path = folder.path().join("jobs.yaml");
        let whole = block.text.contains("\njobs:") || block.text.starts_with("jobs:");
        let rest = if whole { "" } else { "jobs: {}\n" };
        std::fs::write(&path, format!("{}{rest}", block.text)).unwrap();
        let check = Command::new(env!("CARGO_BIN_EXE_transferd"))
            .args(["--color", "never", "check", "-c"])
            .arg(&path)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{file}:{}: {words}", block.line);
        seen += 1;
    }
    assert!(seen > 1, "only {seen} job files were found");
}

#[test]
fn each_page_that_is_linked_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for file in PAGES {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let target = root.join(file).parent().unwrap().join(path);
            assert!(target.exists(), "{file} links to `{link}`, which is not there");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} links were found");
}
