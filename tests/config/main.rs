//! The job file, by example: each file in `cases` with its exact output, and texts that nobody
//! would write.

mod agreement;
mod commands;
mod odd;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::config::{self, Diagnostic, Loaded, Rejected, Surroundings};

/// Columns of the pictured terminal.
const WIDTH: usize = 100;

/// A machine in Berlin on a day in November.
pub fn surroundings() -> Surroundings {
    let name = "Europe/Berlin";
    Surroundings {
        system_zone: (name.to_owned(), TimeZone::get(name).expect("the zone is known")),
        zone_trouble: None,
        now: "2026-11-23T12:00:00Z".parse::<Timestamp>().expect("it is a time"),
    }
}

/// Every case: a file, or a folder with a `jobs.yaml`, or a folder that is the job file.
pub fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir("tests/config/cases")
        .expect("the cases are there")
        .map(|entry| entry.expect("the entry can be read").path())
        .map(|path| match path.join("jobs.yaml") {
            root if root.exists() => root,
            _ => path,
        })
        .collect();
    cases.sort();
    cases
}

/// What a person sees, then where each error is by line, column and key.
fn output(result: &Result<Loaded, Rejected>) -> String {
    let (verdict, errors, warnings): (String, &[Diagnostic], &[Diagnostic]) = match result {
        Ok(loaded) => {
            (format!("good: {} jobs", loaded.content.set.jobs.len()), &[], &loaded.warnings)
        }
        Err(rejected) => ("not good".to_owned(), &rejected.errors, &rejected.warnings),
    };
    let mut text = format!("{verdict}\n");
    for diagnostic in errors.iter().chain(warnings) {
        write!(text, "\n{}", diagnostic.render(false, WIDTH)).expect("a string takes all");
    }
    text.push('\n');
    for diagnostic in errors.iter().chain(warnings) {
        writeln!(text, "{}", diagnostic.one_line()).expect("a string takes all");
    }
    text
}

#[test]
fn every_case_is_told_in_these_words() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = cases();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    settings.bind(|| {
        for case in cases {
            let result = config::read(&case, &surroundings());
            let name = name(&case);
            insta::assert_snapshot!(name, output(&result));
        }
    });
}

fn name(case: &Path) -> String {
    let relative = case.strip_prefix("tests/config/cases").expect("it is a case");
    let top = relative.components().next().expect("it has a name");
    let name = Path::new(top.as_os_str()).with_extension("");
    name.display().to_string()
}

#[test]
fn no_secret_is_ever_shown() {
    for case in cases() {
        let shown = output(&config::read(&case, &surroundings()));
        assert!(!shown.contains("hunter2secret"), "{}:\n{shown}", case.display());
    }
}

#[test]
fn a_secret_that_is_glued_to_its_key_is_not_shown_in_the_path_of_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jobs.yaml");
    for login in ["password:\"hunter2secret\"", "token:[\"hunter2secret\"]: x"] {
        let text = format!("agent: {{login: {{username: a@b.c, {login}}}}}\njobs: {{}}\n");
        std::fs::write(&file, text).expect("it is written");
        let Err(rejected) = config::read(&file, &surroundings()) else { panic!("{login}") };
        let told = format!("{:?}", rejected.errors);
        assert!(!told.contains("hunter2secret"), "{told}");
    }
}

#[test]
fn a_value_that_does_not_fit_its_tag_is_never_repeated_in_a_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jobs.yaml");
    for tag in ["!!bool", "!!int", "!!float", "!!null", "&a !!int", "!<tag:yaml.org,2002:int>"] {
        for text in [
            format!("alerts: [{{on: failed, webhook: {{url: {tag} '//h/hunter2secret'}}}}]\n"),
            format!("alerts:\n- on: failed\n  ping: {{url: {tag} hc/hunter2secret}}\n"),
            format!("agent: {{login: {tag} 'a:hunter2secret'}}\n"),
            format!("agent:\n  login:\n    password: {tag} hunter2secret\n"),
            format!("alerts: [{{on: failed, command: [curl, {tag} hunter2secret]}}]\n"),
            format!("agent: {{login: {{{tag} token=hunter2secret: x}}}}\n"),
            format!("agent: {{token: {tag} |\n  hunter2secret\n}}\n"),
            format!("jobs: {{}}\n---\nagent: {{token: {tag} hunter2secret}}\n"),
            "jobs: {}\n---\n{token=hunter2secret: 1, token=hunter2secret: 2}\n".to_owned(),
        ] {
            std::fs::write(&file, &text).expect("it is written");
            let Err(rejected) = config::read(&file, &surroundings()) else { panic!("{text}") };
            let [error] = rejected.errors.as_slice() else { panic!("{:?}", rejected.errors) };
            let told = format!("{error:?}{}{}", error.render(false, WIDTH), error.one_line());
            assert!(!told.contains("hunter2"), "{text}{told}");
        }
    }
}

#[test]
fn stored_sources_mean_the_same_without_the_disk() {
    for case in cases() {
        let Ok(read) = config::read(&case, &surroundings()) else { continue };
        let stored = serde_json::to_string(&read.sources).expect("sources are plain");
        let sources = serde_json::from_str(&stored).expect("they were stored so");
        let parsed = config::parse(&sources, &surroundings()).expect("it was good");
        assert_eq!(read.content, parsed.content, "{}", case.display());
        assert!(config::difference(&read.content, &parsed.content).is_empty());
        assert_eq!(read.warnings, parsed.warnings);
    }
}

#[test]
fn the_files_that_we_hand_out_are_good_and_say_what_is_still_to_be_done() {
    let warnings = |file: &str| {
        config::read(Path::new(file), &surroundings())
            .unwrap_or_else(|rejected| panic!("{file}: {:#?}", rejected.errors))
            .warnings
    };
    assert_eq!(warnings("jobs.example.yaml"), []);
    // What is still to be done to the first file is said.
    let lines: Vec<String> =
        warnings("src/cli/init.yaml").iter().map(Diagnostic::one_line).collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("`production` is the example's"), "{}", lines[0]);
    assert!(lines[1].contains("`archive` is the example's"), "{}", lines[1]);
    assert!(lines[2].contains("no job is scheduled"), "{}", lines[2]);
}
