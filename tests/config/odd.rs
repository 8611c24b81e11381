//! Texts that nobody would write: no text crashes the reader, hangs it, or gives up a secret.

use std::path::PathBuf;
use std::sync::OnceLock;

use proptest::prelude::*;
use transferd::config::{self, SourceFile, Sources};

use super::{cases, surroundings};

/// Reads a text, renders all that is told of it.
fn read(text: String) {
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text }],
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

/// The texts of all cases that are text.
fn corpus() -> &'static [String] {
    static CORPUS: OnceLock<Vec<String>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let texts = cases().into_iter().filter_map(|path| std::fs::read_to_string(path).ok());
        texts.filter(|text| text.len() < 5_000).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        read(text);
    }

    #[test]
    fn text_of_yaml_pieces_is_read_or_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "jobs:", "\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "\"", "'",
            "|", ">", "#", "!t ", "? ", "---\n", "...\n", "\t", "\r\n", "a", "source", "5", "~",
            "*/5", "@daily", "{job}", "\u{feff}", "\u{85}", "ä", "\0", "%", ",", "schedule: ",
        ]), 0..60)
    ) {
        read(pieces.concat());
    }

    #[test]
    fn a_case_with_damage_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let corpus = corpus();
        let (text, donor) = (which.get(corpus), other.get(corpus));
        let text: Vec<char> = text.chars().collect();
        let donor: Vec<char> = donor.chars().collect();
        let cut = from.index(text.len() + 1);
        let joined: String =
            text[..cut].iter().chain(&donor[to.index(donor.len() + 1)..]).collect();
        read(joined);
    }
}

#[test]
fn texts_made_to_take_long_are_refused_at_once() {
    const MANY: usize = 4_000_000;
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
        format!(
            "x-a: &a [{}]\nx-b: [{}]\njobs: {{}}\n",
            "1,".repeat(400_000),
            "*a,".repeat(400_000)
        ),
        format!("jobs: {{{}}}", "a: 1, ".repeat(30_000)),
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
