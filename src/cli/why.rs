//! `why`: explains why a job did or did not run at a time, or why it is waiting now.
//!
//! Answers from the record first, from the rules where the record is silent. `facts` gathers the
//! facts; `answer` makes sentences of them.

mod answer;
mod facts;

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde::Serialize;

use super::ask::{done, say};
use super::render::fit::hanging;
use super::render::table::Screen;
use super::when::{Day, Towards, When};
use super::{Exit, Global, named_jobs, zone};
use crate::clock;
use crate::control::document::RunDocument;
use crate::core::ids::RunId;
use answer::explain;
use facts::{Asked, gather};

/// Options of `transferd why`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The job
    #[arg(value_parser = named_jobs::one)]
    job: String,
    /// When: `02:30`, `yesterday 02:30`, `2026-11-26`, `2d`, RFC 3339 [default: now, else its last
    /// occurrence]
    time: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// `why --json`.
#[derive(Debug, Serialize)]
struct WhyDocument<'a> {
    job: &'a str,
    /// The time that the answer is about.
    at: Option<Timestamp>,
    /// The answer, in sentences.
    answer: Vec<String>,
    /// The run that it is about.
    run: Option<&'a RunDocument>,
    /// All runs for that time, oldest first.
    runs: Vec<RunDocument>,
    /// The run that it waits for, or that was in its way.
    blocked_by: Option<RunId>,
}

/// Carries out `why`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let zone = zone::meant(args.time.iter(), std::slice::from_ref(&args.job), global);
    let when = When { now, zone, towards: Towards::Past, day: Day::Start };
    let asked = match args.time.as_deref().map(|text| asked(&when, text, err)).transpose() {
        Ok(asked) => asked,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let facts = match gather(&args.job, asked, now, global, err) {
        Ok(facts) => facts,
        Err(exit) => return exit,
    };
    if facts.is_unknown {
        say(err, &facts.unknown);
        return Exit::No;
    }
    let answer = explain(&facts);
    let written = if args.json {
        let mut run = answer.run.cloned();
        let mut runs: Vec<_> = answer.runs.into_iter().cloned().collect();
        run.iter_mut().chain(&mut runs).for_each(RunDocument::leave_out_facts);
        let document = WhyDocument {
            job: &args.job,
            at: answer.at,
            answer: answer.sentences,
            run: run.as_ref(),
            runs,
            blocked_by: answer.blocked_by,
        };
        super::write_json(out, &document)
    } else {
        out.write_all(page(&answer.sentences, Screen::of_stdout(global.color)).as_bytes())
    };
    done(written, Exit::Done)
}

/// The current answer of `why JOB`, a sentence each.
///
/// # Errors
/// A message: the daemon does not answer.
pub(super) fn sentences(job: &str, global: &Global) -> Result<Vec<String>, String> {
    let mut said = Vec::new();
    match gather(job, None, clock::now(), global, &mut said) {
        Ok(facts) => Ok(explain(&facts).sentences),
        Err(_) => Err(String::from_utf8_lossy(&said).trim().to_owned()),
    }
}

/// The time or day that a text asks about.
fn asked(when: &When, text: &str, err: &mut dyn Write) -> Result<Asked, String> {
    match when.day_aloud("at", text, err) {
        Some((first, end)) => Ok(Asked::Day { first, end }),
        None => when.read_aloud("at", text, err).map(Asked::Time),
    }
}

/// The sentences for people, a paragraph each.
fn page(sentences: &[String], screen: Screen) -> String {
    let paragraph = |sentence: &String| {
        let text = sentence.trim_start();
        let indent = sentence.len() - text.len();
        format!("{:indent$}{}\n", "", hanging(text, indent, indent + 2, screen.room()))
    };
    sentences.iter().map(paragraph).collect()
}
