//! `doctor`: what transferd assumes of the agent, and whether it holds. Asks only, changes nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say_error};
use super::render::paint::{Paint, Tone};
use super::render::run;
use super::render::table::Screen;
use super::render::words::Times;
use super::{Exit, Global, agent, offline, trigger};
use crate::agent::doctor::{Finding, Ours, Verdict, examine};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::repeats::TriggerQuery;
use crate::control::request::{HISTORY_MAX, HistoryQuery, ShowQuery};
use crate::core::ids::RunId;
use crate::core::run::RunState;

/// What may be typed after `doctor`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Run this job too, by asking the daemon to, and watch its transfer through
    #[arg(long, value_name = "JOB", conflicts_with = "json")]
    transfer: Option<String>,
}

/// The document of `doctor --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: &'static str,
    findings: &'a [Finding],
}

/// Carries out `doctor`. Exits 1 if the agent can't be used at all.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let asked = match agent::find(global, None, err) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let look = || asked.runtime.block_on(examine(&asked.client, &ours(global)));
    let mut findings = look();
    let mut exit = usable(&findings);
    if let (Some(job), Exit::Done) = (args.transfer, exit) {
        exit = watch(job, global, out, err);
        // There is more to be seen now: a transfer that is certainly ours.
        findings = look();
    }
    let told = if args.json {
        let version = env!("CARGO_PKG_VERSION");
        super::write_json(out, &Document { version, findings: &findings })
    } else {
        tell(&findings, Paint(global.color), out)
    };
    done(told, exit)
}

/// Without some of it nothing can be queued or followed; transferd gets along without the others.
fn usable(findings: &[Finding]) -> Exit {
    let vital = ["reachable", "token", "listing"];
    let good = |found: &Finding| found.verdict == Verdict::Holds || !vital.contains(&found.name);
    if findings.iter().all(good) { Exit::Done } else { Exit::No }
}

/// Our transfers of late, by what the daemon or its database says. Without either there is less
/// to compare with, and that is all.
fn ours(global: &Global) -> Ours {
    let query = HistoryQuery { limit: Some(HISTORY_MAX), ..HistoryQuery::default() };
    let runs = match Daemon::find(global) {
        Ok(daemon) => daemon.wait(daemon.client().history(&query)).ok(),
        Err(_) => offline::history(global, &query).ok(),
    };
    let attempts = runs?.into_iter().flat_map(|run| run.attempts);
    let known = attempts.filter_map(|attempt| Some((attempt.transfer_id?, attempt.submitted_at)));
    Some(known.collect::<BTreeMap<_, _>>()).filter(|known| !known.is_empty())
}

/// Runs one job, and shows what happened to its transfer in order.
fn watch(job: String, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let query = |id: RunId| ShowQuery { run: Some(id.to_string()) };
    let trigger = TriggerQuery { jobs: vec![job], ..TriggerQuery::default() };
    let gone = || ClientError::Broken("the daemon names no run".to_owned());
    let shown = daemon
        .wait(daemon.client().trigger(&trigger))
        .and_then(|runs| runs.into_iter().next().ok_or_else(gone))
        .and_then(|run| trigger::follow(&mut daemon, global, run, err))
        .and_then(|run| daemon.wait(daemon.client().show(&query(run.id))));
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) => return say_error(&error, err),
    };
    let exit = if shown.run.state == RunState::Succeeded { Exit::Done } else { Exit::No };
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: true };
    let text = run::show(&shown, &times, Screen::of_stdout(global.color));
    done(out.write_all(text.as_bytes()), exit)
}

fn tell(findings: &[Finding], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "transferd {}", env!("CARGO_PKG_VERSION"))?;
    for finding in findings {
        let (tone, word) = match finding.verdict {
            Verdict::Holds => (Tone::Good, "holds"),
            Verdict::DoesNotHold => (Tone::Bad, "does not hold"),
            Verdict::CantTell => (Tone::Doubtful, "can't tell"),
        };
        let word = paint.tone(tone, &format!("{word:<13}"));
        writeln!(out, "{word}  {}", finding.assumption)?;
        writeln!(out, "{:<13}  {}", "", paint.tone(Tone::Faint, &finding.seen))?;
        if finding.verdict != Verdict::Holds {
            writeln!(out, "{:<13}  then: {}", "", finding.then)?;
        }
    }
    let count = |verdict| findings.iter().filter(|found| found.verdict == verdict).count();
    writeln!(
        out,
        "{} hold, {} do not, {} can't be told",
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::CantTell),
    )?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_says_what_is_done_about_it() {
        let finding = |verdict| Finding {
            name: "clock",
            assumption: "the clocks agree",
            verdict,
            seen: "3 h apart".to_owned(),
            then: "the tolerance is widened",
        };
        let mut out = Vec::new();
        let findings = [finding(Verdict::Holds), finding(Verdict::DoesNotHold)];
        tell(&findings, Paint(false), &mut out).unwrap();
        let expected = format!(
            "transferd {}\n\
             holds          the clocks agree\n               3 h apart\n\
             does not hold  the clocks agree\n               3 h apart\n               \
             then: the tolerance is widened\n\
             1 hold, 1 do not, 0 can't be told\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
