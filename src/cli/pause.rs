//! `pause` and `resume`: stop and restart the scheduling of jobs, independently of their file.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::ask::{Daemon, done, say, say_error};
use super::render::words::Times;
use super::when::{Day, Towards, When};
use super::{Exit, Global, named_jobs, zone};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::document::{JobDocument, PauseDocument, StatusDocument};
use crate::control::request::{JobQuery, PauseAllQuery, PauseQuery, StatusQuery};
use crate::core::meant::is_glob;
use crate::core::plain::plain;

/// The longest reason for a pause, in letters: it is told in a line of `status` and of the log.
const REASON_MAX: usize = 500;

/// Options of `transferd pause`.
#[derive(Debug, ClapArgs)]
pub struct PauseArgs {
    /// The jobs; a glob such as `dailies-*` stands for those that it fits
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    jobs: Vec<String>,
    /// Pause all jobs, those that are added meanwhile too; pauses of single jobs stay as they are
    #[arg(long)]
    all: bool,
    /// Resume automatically at this time (`tomorrow 08:00`, RFC 3339), or after this duration (`2d`)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Why, for those who read `status`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print a JSON object, or an array for several jobs
    #[arg(long)]
    json: bool,
}

/// Options of `transferd resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The jobs; a glob such as `dailies-*` stands for those that it fits
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    jobs: Vec<String>,
    /// End the pause of all jobs; jobs that are paused by themselves stay so
    #[arg(long)]
    all: bool,
    /// Print a JSON object, or an array for several jobs
    #[arg(long)]
    json: bool,
}

/// The document of `pause --json` and `resume --json` for a job.
#[derive(Debug, Serialize)]
struct Document {
    job: String,
    paused: bool,
    until: Option<Timestamp>,
    reason: Option<String>,
    next_run: Option<Timestamp>,
}

/// Their document for `--all`.
#[derive(Debug, Serialize)]
struct AllDocument {
    all: bool,
    paused: bool,
    until: Option<Timestamp>,
    reason: Option<String>,
    /// The jobs with a pause of their own.
    paused_jobs: Vec<String>,
}

/// Carries out `pause`.
pub fn pause(
    mut args: PauseArgs,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let now = clock::now();
    // It is shown in lines and tables from now on.
    args.reason = args.reason.as_deref().map(|text| plain(text.trim()));
    args.reason = args.reason.take().filter(|reason| !reason.is_empty());
    if args.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        say(err, &format!("`--reason` may have {REASON_MAX} letters: `status` shows it in a line"));
        return Exit::Usage;
    }
    let zone = zone::meant(args.until.iter(), &args.jobs, global);
    let when = When { now, zone, towards: Towards::Future, day: Day::End };
    // Several jobs have a zone each, in which each is told its own end.
    let several = is_several(&args.jobs);
    let until = args.until.as_deref().map(|text| match several {
        true => when.read(text),
        false => when.read_aloud("--until", text, err),
    });
    let until = match until.transpose() {
        Ok(until) => until,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    if !several && until.is_some_and(|until| until <= now) {
        return passed(err);
    }
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let told = if args.all {
        pause_all(&daemon, until, args.reason).map(|(before, after)| match args.json {
            true => super::write_json(out, &AllDocument::new(&after)),
            false => {
                let times = Times { now, zone: when.zone.clone(), absolute: true };
                let told = told("all jobs", true, (before.as_ref(), after.pause), &times);
                writeln!(out, "{told}")
            }
        })
    } else {
        let ends = named_jobs::jobs(&daemon, &args.jobs).map(|jobs| {
            let text = args.until.as_deref().filter(|_| several);
            jobs.into_iter().map(|job| Ending::of(job, text, until, &when)).collect::<Vec<_>>()
        });
        if ends
            .as_ref()
            .is_ok_and(|ends| ends.iter().any(|ending| ending.until.is_some_and(|end| end <= now)))
        {
            return passed(err);
        }
        ends.and_then(|ends| pause_jobs(&daemon, ends, args.reason.as_deref())).map(|paused| {
            let documents: Vec<_> = paused.iter().map(|(job, _)| Document::after(job)).collect();
            let mut lines = paused.iter().map(|(_, told)| told.clone());
            tell(&documents, args.json, several, out, |_| lines.next().unwrap_or_default())
        })
    };
    match told {
        Ok(written) => done(written, Exit::Done),
        Err(error) => {
            let all = "`transferd pause --all` pauses all jobs";
            let time = "write `--until @` for a pause that ends by itself";
            named_jobs::say_refusal(&daemon, &args.jobs, &error, (all, time), err)
        }
    }
}

/// Pauses all jobs; returns the pause of all before, and the status after it.
fn pause_all(
    daemon: &Daemon,
    until: Option<Timestamp>,
    reason: Option<String>,
) -> Result<(Option<PauseDocument>, StatusDocument), ClientError> {
    let before = status(daemon)?.pause;
    let query = PauseAllQuery { until, reason };
    daemon.wait(daemon.client().pause_all(&query))?;
    Ok((before, status(daemon)?))
}

/// A job that is to be paused, and until when.
struct Ending {
    job: JobDocument,
    until: Option<Timestamp>,
    /// For the end in words, in the zone in which it was meant.
    times: Times,
}

impl Ending {
    /// With a `text`, its meaning in the job's own zone; else `until`, which was meant in that of
    /// `when`.
    fn of(job: JobDocument, text: Option<&str>, until: Option<Timestamp>, when: &When) -> Self {
        let own = text.and_then(|_| job.zone());
        let when = When { zone: own.unwrap_or_else(|| when.zone.clone()), ..when.clone() };
        let until = text.map_or(until, |text| when.read(text).ok());
        let times = Times { now: when.now, zone: when.zone, absolute: true };
        Self { job, until, times }
    }
}

/// Pauses jobs, all of which are known; returns each as it is then, with its pause in words.
fn pause_jobs(
    daemon: &Daemon,
    endings: Vec<Ending>,
    reason: Option<&str>,
) -> Result<Vec<(JobDocument, String)>, ClientError> {
    let mut paused = Vec::new();
    for Ending { job, until, times } in endings {
        let name = job.name.as_str();
        let query = PauseQuery { job: name.to_owned(), until, reason: reason.map(str::to_owned) };
        daemon.wait(daemon.client().pause(&query))?;
        let after = named_jobs::job(daemon, name)?;
        let pauses = (job.pause.as_ref(), after.pause.clone());
        let told = told(&format!("`{name}`"), false, pauses, &times);
        paused.push((after, told));
    }
    Ok(paused)
}

/// That something is paused, until when; of a pause that goes on from before also since when, and
/// whether its end has changed.
fn told(
    what: &str,
    is_plural: bool,
    (before, after): (Option<&PauseDocument>, Option<PauseDocument>),
    times: &Times,
) -> String {
    let (is, was) = if is_plural { ("are", "were") } else { ("is", "was") };
    // Resumed by somebody else just then.
    let Some(after) = after else { return format!("{what} {is} no longer paused") };
    let end = after.until.map(|until| format!(" until {}", times.full(until))).unwrap_or_default();
    // A job's pause before may have been that of all, which is another one.
    match before.filter(|before| before.since == after.since) {
        None => format!("{what} {is} paused{end}"),
        Some(before) => {
            let now = match after.until {
                until if until == before.until => end,
                Some(_) => format!("; now{end}"),
                None => "; now without an end".to_owned(),
            };
            format!("{what} {was} paused already, since {}{now}", times.full(after.since))
        }
    }
}

fn passed(err: &mut dyn Write) -> Exit {
    say(err, "`--until` has passed already");
    Exit::Usage
}

/// Carries out `resume`.
pub fn resume(args: ResumeArgs, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
    let mut exit = Exit::Done;
    let told = if args.all {
        resume_all(&daemon).map(|document| match args.json {
            true => super::write_json(out, &document),
            false => writeln!(out, "{}", after_all(&document)),
        })
    } else {
        resume_jobs(&daemon, &args.jobs).map(|Resumed { jobs: resumed, of_all, refused }| {
            for error in &refused {
                exit = say_error(error, err);
            }
            if exit != Exit::Done {
                return Ok(());
            }
            let documents: Vec<_> = resumed.iter().map(Document::after).collect();
            let mut lines = resumed.iter().map(|job| after(job, of_all, &times));
            tell(&documents, args.json, is_several(&args.jobs), out, |_| {
                lines.next().unwrap_or_default()
            })
        })
    };
    match told {
        Ok(written) => done(written, exit),
        Err(error) => {
            let all = "`transferd resume --all` ends the pause of all jobs";
            let time = "a pause that ends by itself: `transferd pause JOB --until @`";
            named_jobs::say_refusal(&daemon, &args.jobs, &error, (all, time), err)
        }
    }
}

fn resume_all(daemon: &Daemon) -> Result<AllDocument, ClientError> {
    daemon.wait(daemon.client().resume_all())?;
    Ok(AllDocument::new(&status(daemon)?))
}

/// The result of resuming.
struct Resumed {
    /// The jobs that were resumed, as they are now.
    jobs: Vec<JobDocument>,
    /// All jobs are paused.
    of_all: bool,
    /// Named jobs that were not paused; none from a glob.
    refused: Vec<ClientError>,
}

/// Resumes jobs. If a named one is not paused, none is resumed; of those that a glob selects, one
/// must be paused.
fn resume_jobs(daemon: &Daemon, words: &[String]) -> Result<Resumed, ClientError> {
    let pause_of_all = status(daemon)?.pause;
    let of_all = pause_of_all.is_some();
    let mut resumed = Resumed { jobs: Vec::new(), of_all, refused: Vec::new() };
    let mut passed_over = None;
    let jobs = named_jobs::jobs(daemon, words)?.into_iter();
    // Jobs that seem not to be paused come first: the daemon says why, and then all is left as it
    // is.
    let is_named = |job: &JobDocument| words.iter().any(|word| word == job.name.as_str());
    let (doubtful, paused): (Vec<_>, Vec<_>) =
        jobs.partition(|job| is_named(job) && job.pause == pause_of_all);
    for jobs in [doubtful, paused] {
        for job in jobs {
            let query = JobQuery { job: job.name.as_str().to_owned() };
            match daemon.wait(daemon.client().resume(&query)) {
                Ok(_) => resumed.jobs.push(named_jobs::job(daemon, &query.job)?),
                Err(error @ ClientError::Refused(_)) if is_named(&job) => {
                    resumed.refused.push(error);
                }
                Err(error @ ClientError::Refused(_)) => passed_over = Some(error),
                Err(error) => return Err(error),
            }
        }
        if !resumed.refused.is_empty() {
            return Ok(resumed);
        }
    }
    match passed_over {
        Some(error) if resumed.jobs.is_empty() => Err(error),
        Some(_) | None => Ok(resumed),
    }
}

fn status(daemon: &Daemon) -> Result<StatusDocument, ClientError> {
    daemon.wait(daemon.client().status(&StatusQuery::default()))
}

impl Document {
    fn after(job: &JobDocument) -> Self {
        Self {
            job: job.name.as_str().to_owned(),
            paused: job.paused,
            until: job.pause.as_ref().and_then(|pause| pause.until),
            reason: job.pause.as_ref().and_then(|pause| pause.reason.clone()),
            next_run: job.next_run,
        }
    }
}

impl AllDocument {
    fn new(status: &StatusDocument) -> Self {
        let pause = status.pause.as_ref();
        let own = status.jobs.iter().filter(|job| job.paused && job.pause.as_ref() != pause);
        Self {
            all: true,
            paused: pause.is_some(),
            until: pause.and_then(|pause| pause.until),
            reason: pause.and_then(|pause| pause.reason.clone()),
            paused_jobs: own.map(|job| job.name.to_string()).collect(),
        }
    }
}

/// The state after the pause of all jobs has ended.
fn after_all(document: &AllDocument) -> String {
    match document.paused_jobs.as_slice() {
        [] => "all jobs are scheduled again".to_owned(),
        jobs => format!("all jobs are scheduled again except {}", jobs.join(", ")),
    }
}

/// The state of a job that was resumed.
fn after(job: &JobDocument, of_all: bool, times: &Times) -> String {
    let name = &job.name;
    let next = match job.next_run {
        _ if of_all => "it stays paused: all jobs are (`transferd resume --all`)".to_owned(),
        _ if !job.enabled => "it is still disabled in the job file (`enabled: false`)".to_owned(),
        Some(at) => format!("its next run is {}", times.next(at, job.zone().as_ref())),
        None => "it has no schedule: it runs when triggered".to_owned(),
    };
    let itself = if of_all { " by itself" } else { "" };
    format!("`{name}` is no longer paused{itself}; {next}")
}

/// Whether more than one job may be selected.
fn is_several(words: &[String]) -> bool {
    words.len() > 1 || words.iter().any(|word| is_glob(word))
}

fn tell(
    documents: &[Document],
    json: bool,
    several: bool,
    out: &mut dyn Write,
    mut line: impl FnMut(&Document) -> String,
) -> io::Result<()> {
    match documents {
        [one] if json && !several => super::write_json(out, one),
        documents if json => super::write_json(out, &documents),
        documents => documents.iter().try_for_each(|one| writeln!(out, "{}", line(one))),
    }
}
