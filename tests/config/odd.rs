//! Texts that are made to take long. Those that are only odd are tried in `tests/properties`.

use std::path::PathBuf;

use transferd::config::{self, SourceFile, Sources};

use super::surroundings;

/// Reads a text, renders all that is said about it.
fn read(text: String) {
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text }],
        zones: Vec::new(),
    };
    let told = match config::parse(&sources, &surroundings()) {
        Ok(loaded) => loaded.warnings,
        Err(rejected) => {
            assert!(!rejected.errors.is_empty(), "a refusal has a reason");
            rejected.errors.into_iter().chain(rejected.warnings).collect()
        }
    };
    for diagnostic in told {
        let shown = diagnostic.render(false, 80) + &diagnostic.one_line();
        assert!(!shown.contains('\u{1b}'), "no control character reaches a terminal");
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
    }
}

#[test]
fn a_jobs_name_that_a_shell_or_a_terminal_would_act_on_is_refused_with_what_is_odd_in_it() {
    let place =
        |path: &str| format!("{{account: {}, bucket: b, path: {path}/}}", uuid::Uuid::max());
    let job = format!("{{source: {}, destination: {}}}", place("s"), place("d"));
    for (name, odd) in [
        ("$(id>pwned;echo x)", "holds `$`"),
        ("a;b", "holds `;`"),
        ("<!channel>", "holds `<`"),
        ("pay\u{202e}fdp", "holds U+202E"),
        ("a/b", "holds a `/`"),
    ] {
        let text = format!("jobs:\n  {name:?}: {job}\n");
        let text = text.replace("\\u{202e}", "\u{202e}").replace("\\u{202E}", "\u{202e}");
        let file = SourceFile { path: PathBuf::from("jobs.yaml"), text };
        let (root, base) = (PathBuf::from("jobs.yaml"), PathBuf::from("/"));
        let sources = Sources { root, base, files: vec![file], zones: Vec::new() };
        let rejected = config::parse(&sources, &surroundings()).unwrap_err();
        let [error] = rejected.errors.as_slice() else { panic!("{name}: {:?}", rejected.errors) };
        assert!(error.message.ends_with(odd), "{name}: {}", error.message);
    }
    let text =
        format!("jobs: {{nightly: &j {job}, Tägliche Kopie_2.0: *j, 日本: *j, हिन्दी: *j}}\n");
    read(text.clone());
    let file = SourceFile { path: PathBuf::from("jobs.yaml"), text };
    let (root, base) = (PathBuf::from("jobs.yaml"), PathBuf::from("/"));
    assert!(
        config::parse(
            &Sources { root, base, files: vec![file], zones: Vec::new() },
            &surroundings()
        )
        .is_ok()
    );
}

#[test]
fn texts_made_to_take_long_are_refused_at_once() {
    const MANY: usize = 400_000;
    let fill = |piece: &str| piece.repeat(MANY / piece.len());
    for text in [
        fill("["),
        fill("{"),
        fill("- "),
        fill("? "),
        fill("a: "),
        fill("a: {"),
        fill("&a "),
        fill("*a "),
        fill("\""),
        fill("'\n"),
        fill("!"),
        fill("\n "),
        fill("|\n"),
        fill("#"),
        fill("-\n"),
        fill("%a\n"),
        fill("---\n"),
        fill("[a,"),
        fill("{a: b},\n"),
        format!("x-a: &a [{}]\nx-b: [{}]\njobs: {{}}\n", "1,".repeat(40_000), "*a,".repeat(40_000)),
        format!("jobs: {{{}}}", "a: 1, ".repeat(10_000)),
        format!("x-a: \"{}", fill("\\x")),
    ] {
        let start = text.chars().take(20).collect::<String>();
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            read(text);
            // Nobody waits any more if it took too long.
            let _ = done.send(());
        });
        let answer = wait.recv_timeout(std::time::Duration::from_secs(30));
        assert!(answer.is_ok(), "takes too long: {start:?}");
    }
}
