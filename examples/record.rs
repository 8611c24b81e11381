//! Makes what the README shows: `docs/demo.svg`, a recording of the demo, and the session in the
//! README's text. From the root of the sources:
//!
//! `cargo build && cargo run --example record`
//!
//! The recording is of lines with the time at which each came; a viewer that does not animate
//! pictures shows all of them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What is recorded.
const DEMO: [&str; 5] = ["demo", "--for", "24s", "--seed", "1"];

/// The commands of the README's session, which are asked of the demo.
const SESSION: [&[&str]; 1] = [&["show", "lost-answer"]];

/// Columns of the recording, and of the session.
const COLUMNS: usize = 100;

/// Seconds into the demo at which the session takes place: each job has had its turn.
const SESSION_AT: f64 = 19.0;

/// The README's lines around its session.
const BEGIN: &str = "```console\n";
const END: &str = "```\n<!-- end of session -->";

/// A line, and when it came, in seconds.
struct Line {
    at: f64,
    text: String,
}

fn main() -> Result<()> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let (lines, session) = record(&program, folder.path())?;
    fs::write("docs/demo.svg", picture(&lines))?;
    let readme = fs::read_to_string("README.md")?;
    let missing = || Error::other("README.md has no place for the session");
    let end = readme.find(END).ok_or_else(missing)?;
    let begin = readme[..end].rfind(BEGIN).ok_or_else(missing)? + BEGIN.len();
    fs::write("README.md", format!("{}{session}{}", &readme[..begin], &readme[end..]))
}

/// The program beside this example.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent);
    let program = folder.map(|folder| folder.join("transferd")).filter(|path| path.exists());
    program.ok_or_else(|| Error::other("run `cargo build` first"))
}

/// Plays the demo on a terminal of its own that takes lines only, and asks it in between.
fn record(program: &Path, folder: &Path) -> Result<(Vec<Line>, String)> {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    let path = ptsname(&terminal, Vec::new())?;
    let path = path.to_str().map_err(Error::other)?;
    let line = || File::options().read(true).write(true).open(path);
    let size =
        rustix::termios::Winsize { ws_row: 40, ws_col: COLUMNS as u16, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal, size)?;
    let mut demo = command(program, folder)
        .args(["--color", "always"])
        .args(DEMO)
        .stdin(Stdio::null())
        .stdout(line()?)
        .stderr(line()?)
        .spawn()?;
    let (mut lines, mut session) = (Vec::new(), String::new());
    let began = transferd::clock::now();
    // It ends with EIO when nobody holds the other end any more.
    for text in BufReader::new(File::from(terminal)).lines().map_while(Result::ok) {
        let at = transferd::clock::now().duration_since(began).as_secs_f64();
        lines.push(Line { at, text: text.trim_end().to_owned() });
        if at > SESSION_AT && session.is_empty() {
            session = ask(program, folder)?;
        }
        if lines.last().is_some_and(|line| line.text.contains("by the agent's own books")) {
            break;
        }
    }
    ended(&mut demo)?;
    Ok((lines, session))
}

fn ended(demo: &mut Child) -> Result<()> {
    let status = demo.wait()?;
    if status.success() { Ok(()) } else { Err(Error::other(format!("the demo has {status}"))) }
}

/// A command about the demo.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).args(["--state-dir", "state"]).env("TERM", "dumb");
    command.env("COLUMNS", COLUMNS.to_string()).env("TZ", "UTC");
    command
}

/// The session, as it would stand on a terminal.
fn ask(program: &Path, folder: &Path) -> Result<String> {
    let mut session = String::new();
    for words in SESSION {
        let output = command(program, folder).args(["--color", "never"]).args(words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let blank = if session.is_empty() { "" } else { "\n" };
        let _ = write!(session, "{blank}$ transferd {}\n{text}", words.join(" "));
    }
    Ok(session)
}

const FONT: usize = 14;
const LINE: usize = 19;
const MARGIN: usize = 16;

/// The recording as a picture that moves.
fn picture(lines: &[Line]) -> String {
    let width = COLUMNS * FONT * 61 / 100 + 2 * MARGIN;
    let height = (lines.len() + 2) * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu \
         Sans Mono', monospace\" font-size=\"{FONT}\">\n\
         <title>transferd demo</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    let command = format!("$ transferd {}", DEMO[..3].join(" "));
    row(&mut svg, 0, None, &command);
    for (index, line) in lines.iter().enumerate() {
        row(&mut svg, index + 1, Some(line.at), &line.text);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line of the picture, hidden until its time.
fn row(svg: &mut String, row: usize, at: Option<f64>, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    let y = MARGIN + (row + 1) * LINE - 5;
    // Writing to a string can't fail.
    let _ = write!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"#d7dae0\" xml:space=\"preserve\">");
    if let Some(at) = at {
        let _ = write!(
            svg,
            "<set attributeName=\"visibility\" to=\"hidden\" begin=\"0s\" dur=\"{at:.1}s\"/>"
        );
    }
    // Each piece begins with the code of its colour, but for the first.
    for (index, piece) in text.split("\x1b[").enumerate() {
        let (code, words) = match index {
            0 => ("0", piece),
            _ => piece.split_once('m').unwrap_or(("0", piece)),
        };
        if words.is_empty() {
            continue;
        }
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let style = match code {
            "1" => " font-weight=\"bold\"",
            "2" => " fill=\"#8b919d\"",
            "31" => " fill=\"#f2777a\"",
            "32" => " fill=\"#8fd18f\"",
            "33" => " fill=\"#e5c07b\"",
            "36" => " fill=\"#6cc7d4\"",
            _ => "",
        };
        let _ = write!(svg, "<tspan{style}>{words}</tspan>");
    }
    svg.push_str("</text>\n");
}
