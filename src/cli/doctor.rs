//! `doctor`: lists transferd's assumptions about the agent, and whether they hold. Only asks,
//! changes nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say_error};
use super::render::fit::hanging;
use super::render::paint::{Paint, Tone};
use super::render::run;
use super::render::table::Screen;
use super::render::words::{Times, count};
use super::{Exit, Global, agent, bundle, named_jobs, offline, trigger, whereabouts, zone};
use crate::agent::doctor::{Finding, Ours, Verdict, examine};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::document::ShowDocument;
use crate::control::repeats::TriggerQuery;
use crate::control::request::{HISTORY_MAX, HistoryQuery, ShowQuery};
use crate::core::ids::RunId;
use crate::core::run::RunState;

/// Options of `transferd doctor`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Run this job too, by asking the daemon to, and watch its transfer through
    #[arg(long, value_name = "JOB", value_parser = named_jobs::one)]
    transfer: Option<String>,
    /// List all checks, those too that passed or can't be made yet
    #[arg(short, long)]
    verbose: bool,
    /// Write an archive for a bug report, without secrets: the checks, status, newest runs and job
    /// file; `-` writes it to standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["transfer", "verbose"])]
    bundle: Option<PathBuf>,
}

/// Selects findings of a kind.
type Kind = fn(&Finding) -> bool;

/// If more checks than this can't be made, they are only counted.
const UNTOLD_MAX: usize = 3;

/// The indent of lines below a mark.
const INDENT: usize = 2;

/// The document of `doctor --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: &'static str,
    findings: &'a [Finding],
    /// With `--transfer`: its run, as `show --json` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<ShowDocument>,
}

/// Carries out `doctor`. Exits 1 if a check has failed that something depends on.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if let Some(path) = &args.bundle {
        return bundle::run(path, args.json, global, out, err);
    }
    let asked = match agent::find(global, None, err) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let look = || asked.wait(examine(&asked.client, &ours(global)));
    let mut findings = match look() {
        Ok(findings) => findings,
        Err(interrupted) => return interrupted,
    };
    let mut transfer: Option<ShowDocument> = None;
    if let Some(job) = args.transfer.clone().filter(|_| is_usable(&findings)) {
        match watch(job, global, err) {
            Ok(shown) => transfer = Some(shown),
            // The reason was printed, and a verdict on the agent is not what was asked for.
            Err(failed) => return failed,
        }
        // There is more to see now: a transfer that is certainly ours.
        findings = match look() {
            Ok(findings) => findings,
            Err(interrupted) => return interrupted,
        };
    }
    let is_good = is_usable(&findings) && !findings.iter().any(Finding::has_failed);
    let mut exit = if is_good { Exit::Done } else { Exit::No };
    if transfer.as_ref().is_some_and(|shown| shown.run.state != RunState::Succeeded) {
        exit = Exit::No;
    }
    let told = if args.json {
        transfer.iter_mut().for_each(ShowDocument::leave_out_facts);
        let version = env!("CARGO_PKG_VERSION");
        super::write_json(out, &Document { version, findings: &findings, transfer })
    } else {
        let screen = Screen::of_stdout(global.color);
        let run = transfer.map(|shown| {
            let zone = zone::of_job(shown.run.job.as_str(), global);
            let zone = zone.unwrap_or_else(TimeZone::system);
            run::show(&shown, &Times { now: clock::now(), zone, absolute: true }, screen)
        });
        write!(out, "{}", run.unwrap_or_default())
            .and_then(|()| {
                let version = env!("CARGO_PKG_VERSION");
                let places = whereabouts::lines(&whereabouts::whereabouts(global));
                write!(out, "transferd {version}\n{places}")
            })
            .and_then(|()| tell(&findings, args.verbose, screen, out))
    };
    done(told, exit)
}

/// Whether everything needed to queue and follow transfers holds; transferd works without the rest.
fn is_usable(findings: &[Finding]) -> bool {
    let vital = ["reachable", "token", "listing"];
    findings.iter().all(|found| found.verdict == Verdict::Holds || !vital.contains(&found.name))
}

/// Our recent transfers, from the daemon or its database. Without either there is less to compare
/// with, and that is all.
pub(super) fn ours(global: &Global) -> Ours {
    let query = HistoryQuery { limit: Some(HISTORY_MAX), ..HistoryQuery::default() };
    let runs = match Daemon::find(global) {
        Ok(daemon) => daemon.wait(daemon.client().history(&query)).ok(),
        Err(_) => offline::history(global, &query).ok(),
    };
    let attempts = runs?.into_iter().flat_map(|run| run.attempts);
    let known = attempts.filter_map(|attempt| Some((attempt.transfer_id?, attempt.submitted_at)));
    Some(known.collect::<BTreeMap<_, _>>()).filter(|known| !known.is_empty())
}

/// Runs one job, and prints the events of its transfer in order.
fn watch(job: String, global: &Global, err: &mut dyn Write) -> Result<ShowDocument, Exit> {
    // With the daemon's own job file, which is in `global` already.
    let mut daemon = Daemon::find(global).map_err(|none| none.say(err))?;
    let query = |id: RunId| ShowQuery { run: Some(id.to_string()) };
    let trigger = TriggerQuery { jobs: vec![job], ..TriggerQuery::default() };
    let gone = || ClientError::Broken("the daemon names no run".to_owned());
    daemon
        .wait(daemon.client().trigger(&trigger))
        .and_then(|runs| runs.into_iter().next().ok_or_else(gone))
        .and_then(|run| trigger::follow(&mut daemon, global, run, false, err))
        .and_then(|run| daemon.wait(daemon.client().show(&query(run.id))))
        .map_err(|error| say_error(&error, err))
}

/// Prints the findings: first the failed ones, then harmless differences, then those that can't be
/// checked; passed checks are only counted unless they are wanted too, and so are many that can't be
/// checked, as before a first transfer. One sentence ends it.
fn tell(findings: &[Finding], all: bool, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint(screen.color);
    let of = |kind: Kind| findings.iter().filter(move |found| kind(found));
    let can_t_tell = |found: &Finding| found.verdict == Verdict::CantTell;
    let holds = |found: &Finding| found.verdict == Verdict::Holds;
    let kinds: [(Kind, Tone, &str); 4] = [
        (Finding::has_failed, Tone::Bad, "✗"),
        (Finding::differs, Tone::Doubtful, "~"),
        (can_t_tell, Tone::Doubtful, "?"),
        (holds, Tone::Good, "✓"),
    ];
    let folded = if of(can_t_tell).count() > UNTOLD_MAX { 2 } else { 1 };
    for (kind, tone, mark) in kinds.into_iter().take(if all { 4 } else { 4 - folded }) {
        for finding in of(kind) {
            let line = |text: &str| hanging(text, INDENT, INDENT, screen.room());
            writeln!(out, "{} {}", paint.tone(tone, mark), line(finding.assumption))?;
            writeln!(out, "  {}", paint.tone(Tone::Faint, &line(&finding.seen)))?;
            if finding.verdict == Verdict::DoesNotHold {
                writeln!(out, "  {}", line(&format!("so: {}", finding.then)))?;
            }
        }
    }
    let (good, bad, unknown) =
        (of(holds).count(), of(Finding::has_failed).count(), of(can_t_tell).count());
    if unknown > UNTOLD_MAX && !all {
        let why = why_untold(of(can_t_tell));
        let told =
            format!("{} can't be made yet, {why} (`-v` lists them)", count(unknown, "check"));
        let told = hanging(&told, INDENT, INDENT, screen.room());
        writeln!(out, "{} {told}", paint.tone(Tone::Doubtful, "?"))?;
    }
    if good > 0 && !all {
        let good = count(good, "check");
        writeln!(out, "{} {good} passed (`-v` lists them)", paint.tone(Tone::Good, "✓"))?;
    }
    let untold = match unknown {
        0 => String::new(),
        1 => "; 1 check can't be made yet".to_owned(),
        many => format!("; {many} checks can't be made yet"),
    };
    let verdict = match bad {
        0 => "nothing speaks against unattended use".to_owned(),
        _ => format!("{} failed: see above what follows from it", count(bad, "check")),
    };
    writeln!(out, "{verdict}{untold}")?;
    out.flush()
}

/// The most frequent reason why checks can't be made.
fn why_untold<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = 0;
    for finding in findings {
        *reasons.entry(&finding.seen).or_default() += 1;
        all += 1;
    }
    match reasons.into_iter().max_by_key(|(_, number)| *number) {
        Some((reason, number)) if number == all => format!("all for the same reason: {reason}"),
        Some((_, 1)) => "each for a reason of its own".to_owned(),
        Some((reason, number)) => format!("{number} of them for the same reason: {reason}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_says_what_is_done_about_it() {
        let finding = |needed, verdict| Finding {
            name: "clock",
            assumption: "the clocks agree",
            needed,
            verdict,
            seen: "3 h apart".to_owned(),
            then: "the tolerance is widened",
        };
        let findings = [finding(true, Verdict::Holds), finding(true, Verdict::DoesNotHold)];
        let told = |all| {
            let mut out = Vec::new();
            tell(&findings, all, Screen { width: None, color: false }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let bad = "✗ the clocks agree\n  3 h apart\n  so: the tolerance is widened\n";
        let end = "1 check failed: see above what follows from it\n";
        assert_eq!(told(false), format!("{bad}✓ 1 check passed (`-v` lists them)\n{end}"));
        let good = "✓ the clocks agree\n  3 h apart\n";
        assert_eq!(told(true), format!("{bad}{good}{end}"));
    }

    #[test]
    fn what_differs_and_is_not_needed_is_told_and_is_no_failure() {
        let finding = Finding {
            name: "property_case",
            assumption: "names are in camelCase",
            needed: false,
            verdict: Verdict::DoesNotHold,
            seen: "another case".to_owned(),
            then: "they are read in any case",
        };
        assert!(!finding.has_failed());
        let mut out = Vec::new();
        tell(&[finding], false, Screen { width: None, color: false }, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        let shown = "~ names are in camelCase\n  another case\n  so: they are read in any case\n\
                     nothing speaks against unattended use\n";
        assert!(told.ends_with(shown), "{told}");
    }

    #[test]
    fn what_can_not_be_told_before_a_first_transfer_is_one_line() {
        let finding = |name, seen: &str| Finding {
            name,
            assumption: "records are dated",
            needed: true,
            verdict: Verdict::CantTell,
            seen: seen.to_owned(),
            then: "runs wait",
        };
        let told = |findings: &[Finding], all| {
            let mut out = Vec::new();
            tell(findings, all, Screen { width: None, color: false }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let few = [finding("a", "none"), finding("b", "none"), finding("c", "none")];
        assert_eq!(told(&few, false).matches("? records are dated\n  none\n").count(), 3);
        let many = [&few[..], &[finding("d", "no `Date` header")]].concat();
        let line = "? 4 checks can't be made yet, 3 of them for the same reason: none (`-v` lists \
                    them)\n";
        assert!(told(&many, false).starts_with(line), "{}", told(&many, false));
        assert_eq!(told(&many, true).matches("? records are dated").count(), 4);
        let each = [finding("a", "1"), finding("b", "2"), finding("c", "3"), finding("d", "4")];
        let line = "? 4 checks can't be made yet, each for a reason of its own (`-v` lists them)\n";
        assert!(told(&each, false).starts_with(line), "{}", told(&each, false));
    }
}
