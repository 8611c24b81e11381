//! The page for people: the period played, the findings, a timeline for each job, and the load.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::{Discriminant, discriminant};

use jiff::SignedDuration;

use super::sentences::{Sentences, grouped, listed, time};
use super::{Report, runs};
use crate::cli::render::fit::width;
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::paragraph::paragraph;
use crate::cli::render::table::Screen;
use crate::cli::render::words::{count, span};
use crate::core::ids::JobName;
use crate::sim::rehearsal::limits::CELLS_MAX;
use crate::sim::rehearsal::{Cell, Counts, Cut, Finding, JobStory, Pace, Severity};

/// Findings of a kind that are listed, the others are counted: where a hundred jobs are skipped for
/// lack of slots, the one finding that says so must not be lost among them.
const OF_A_KIND: usize = 5;

/// Jobs with a line; the others are counted.
const JOBS_SHOWN: usize = 100;

/// The width of a page that no terminal limits.
const UNLIMITED: usize = 100;

/// The narrowest column of names; the cells leave it this much.
const NAME_MIN: usize = 8;
const NAME_GOOD: usize = 12;

/// The usual width of the columns of numbers.
const NUMBERS: usize = 34;

/// The fewest cells of a timeline.
const CELLS_MIN: usize = 8;

/// How many cells a timeline may have for its rows to fit the screen.
pub(super) fn cells_that_fit(screen: Screen) -> usize {
    let beside = NAME_GOOD + 2 + NUMBERS;
    let left = screen.room().map(|room| room.saturating_sub(beside).max(CELLS_MIN));
    left.map_or(CELLS_MAX, |left| left.min(CELLS_MAX))
}

/// The width of the load of each hour of a day, side by side.
const DAY_IN_A_LINE: usize = 8 + 24 * 3 - 1;

/// The whole page.
pub(super) fn page(report: &Report<'_>, screen: Screen) -> String {
    let page = Page {
        report,
        paint: Paint(screen.color),
        width: screen.width.map_or(UNLIMITED, usize::from),
        limited: screen.width.is_some(),
    };
    let job = report.rehearsal.kept.as_ref();
    let mut text = page.head();
    text.push('\n');
    text.push_str(&page.findings(job));
    text.push('\n');
    text.push_str(&page.timeline(job));
    match job {
        Some(_) => {
            text.push('\n');
            text.push_str(&runs::list(report, screen));
        }
        None => {
            text.push('\n');
            text.push_str(&page.load());
        }
    }
    text
}

struct Page<'a> {
    report: &'a Report<'a>,
    paint: Paint,
    width: usize,
    limited: bool,
}

impl Page<'_> {
    /// The period played, and the assumptions.
    fn head(&self) -> String {
        let Report { rehearsal, played, days, path, .. } = self.report;
        let zone = &rehearsal.zone;
        let period = format!(
            "{}, from {} to {}",
            count(*days as usize, "day"),
            time(rehearsal.from, zone),
            time(rehearsal.until, zone)
        );
        let mut text = format!("{}\n", self.paint.tone(Tone::Strong, &period));
        let jobs = count(rehearsal.set.jobs.len(), "job");
        let line = format!("{jobs} of {}, played on a simulated agent", path.display());
        text.push_str(&paragraph("", &line, self.width));
        text.push_str(&paragraph("", &self.assumptions(), self.width));
        if let Some(cut) = played.cut {
            let why = match cut {
                Cut::Occurrences => "more occurrences than one rehearsal plays",
                Cut::Work => "so many runs wait at once that one rehearsal can't play them all",
            };
            let line = format!(
                "played to {} only, {} of {}: {why}; fewer `--days` may fit",
                time(played.until, zone),
                self.report.days_played(),
                count(*days as usize, "day"),
            );
            text.push_str(&self.paint.tone(Tone::Bad, &paragraph("! ", &line, self.width)));
        }
        text
    }

    /// How long transfers take, and how many fail.
    fn assumptions(&self) -> String {
        let rehearsal = self.report.rehearsal;
        let (mut given, mut measured, mut assumed) = (BTreeMap::new(), 0, BTreeMap::new());
        for story in self.report.played.jobs.iter().filter(|story| story.is_scheduled()) {
            match rehearsal.pace(&story.job.name) {
                Pace::Given(duration) => *given.entry(*duration).or_default() += 1,
                Pace::Measured(_) => measured += 1,
                Pace::Assumed(duration) => *assumed.entry(*duration).or_default() += 1,
            }
        }
        let mut words = Vec::new();
        let all = given.len() == 1 && measured == 0 && assumed.is_empty();
        match given.first_key_value() {
            Some((duration, _)) if all => words.push(format!("{}, as given", span(*duration))),
            Some(_) => words.push(format!("{}, as given", lengths(&given))),
            None => {}
        }
        if measured > 0 {
            words.push(format!("as long as in its history for {}", count(measured, "job")));
        }
        if !assumed.is_empty() {
            let why = if self.report.history_is_bad {
                "as the history can't be read"
            } else {
                "as no history has it"
            };
            words.push(format!("{}, assumed, {why} (see `--duration`)", lengths(&assumed)));
        }
        let mut line = match words.as_slice() {
            [] => "nothing is scheduled".to_owned(),
            words => format!("each transfer takes {}", words.join("; ")),
        };
        if rehearsal.fail > 0.0 {
            let share = percent(rehearsal.fail);
            line.push_str(&format!("; {share} % fail (seed {})", rehearsal.seed));
        }
        line
    }

    /// The findings, the worst first.
    fn findings(&self, job: Option<&JobName>) -> String {
        let about = |finding: &&Finding| job.is_none_or(|job| finding.jobs().contains(&job));
        let findings: Vec<&Finding> = self.report.played.findings.iter().filter(about).collect();
        let sentences = Sentences::new(self.report);
        let mut text = String::new();
        if findings.iter().all(|finding| finding.severity() == Severity::Note) {
            let who = if job.is_some() { "each of its runs" } else { "each run" };
            let line = format!("{who} starts in time and succeeds");
            let any =
                self.report.played.jobs.iter().any(|story| {
                    story.counts.due > 0 && job.is_none_or(|job| story.job.name == *job)
                });
            let line = if any { line } else { "nothing runs".to_owned() };
            text.push_str(&self.paint.tone(Tone::Good, &line));
            text.push('\n');
        }
        let mut shown: HashMap<Discriminant<Finding>, usize> = HashMap::new();
        let (shown, more): (Vec<&Finding>, Vec<&Finding>) =
            findings.into_iter().partition(|finding| {
                let of_kind = shown.entry(discriminant(*finding)).or_default();
                *of_kind += 1;
                *of_kind <= OF_A_KIND
            });
        for finding in shown {
            let (mark, tone) = match finding.severity() {
                Severity::Bad => ("! ", Tone::Bad),
                Severity::Doubtful => ("~ ", Tone::Doubtful),
                Severity::Note => ("- ", Tone::Faint),
            };
            let lines = paragraph(mark, &sentences.of(finding), self.width);
            let rest = lines.get(mark.len()..).unwrap_or_default();
            text.push_str(&format!("{}{rest}", self.paint.tone(tone, mark)));
        }
        if !more.is_empty() {
            let more = count(more.len(), "finding");
            text.push_str(&format!(
                "  and {more} more of these kinds: name a job, or see `--json`\n"
            ));
        }
        text
    }

    /// A line for each job.
    fn timeline(&self, job: Option<&JobName>) -> String {
        let shown = self.shown(job);
        if shown.is_empty() {
            return "no jobs\n".to_owned();
        }
        let headings = ["RUNS", "SKIP", "FAIL", "WAIT", "LONGEST"].map(str::to_owned);
        let numbers: Vec<[String; 5]> = shown.iter().map(|story| numbers(story)).collect();
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| {
                let cells = numbers.iter().map(|row| row[column].chars().count());
                cells.chain([headings[column].len()]).max().unwrap_or(0)
            })
            .collect();
        let words = shown.iter().filter_map(|story| unscheduled(story)).map(width);
        let cells = [self.report.grid.starts.len(), width(&self.report.grid.ruler)];
        let strip = words.chain(cells).max().unwrap_or(0);
        let taken: usize = strip + 2 + widths.iter().map(|width| width + 1).sum::<usize>();
        let longest = shown.iter().map(|story| width(story.job.name.as_str()));
        let wanted = longest.max().unwrap_or(0).max("JOB".len());
        let room = self.width.saturating_sub(taken).max(NAME_MIN);
        let name = if self.limited { wanted.min(room) } else { wanted };
        let row = |first: &str, cells: &str, row: &[String; 5]| {
            let numbers: Vec<String> =
                row.iter().zip(&widths).map(|(text, width)| format!("{text:>width$}")).collect();
            let line = format!("{first}  {cells} {}", numbers.join(" "));
            format!("{}\n", line.trim_end())
        };
        let ruler = format!("{:<strip$}", self.report.grid.ruler);
        let head = row(&format!("{:<name$}", "JOB"), &ruler, &headings);
        let mut text = self.paint.tone(Tone::Faint, &head);
        for (story, numbers) in shown.iter().zip(&numbers) {
            let first = self.name(story.job.name.as_str(), name, &mut text);
            text.push_str(&row(&first, &self.cells(story, strip), numbers));
        }
        let more = self.report.played.jobs.len().saturating_sub(shown.len());
        if more > 0 && job.is_none() {
            let jobs = count(more, "job");
            text.push_str(&format!(
                "and {jobs} more of which there is less to say: name one to see it\n"
            ));
        }
        let legend = format!(
            "each cell is {}: █ at work, w waits, s skipped or replaced, x fails or times out; \
             LONGEST is from due until over",
            self.report.grid.cell
        );
        text.push_str(&self.paint.tone(Tone::Faint, &paragraph("", &legend, self.width)));
        text
    }

    /// A name that fills its column. A longer one goes to a line of its own, as the reader may have
    /// to type it, and leaves the column blank.
    fn name(&self, name: &str, room: usize, text: &mut String) -> String {
        let painted = self.paint.tone(Tone::Strong, name);
        match room.checked_sub(width(name)) {
            Some(left) => format!("{painted}{:left$}", ""),
            None => {
                text.push_str(&format!("{painted}\n"));
                " ".repeat(room)
            }
        }
    }

    /// The jobs with a line: all, or first those with findings.
    fn shown(&self, job: Option<&JobName>) -> Vec<&JobStory> {
        let jobs = &self.report.played.jobs;
        if let Some(job) = job {
            return jobs.iter().filter(|story| story.job.name == *job).collect();
        }
        let worth = |finding: &&Finding| finding.severity() != Severity::Note;
        let findings = self.report.played.findings.iter().filter(worth);
        let named: BTreeSet<&JobName> = findings.flat_map(Finding::jobs).collect();
        let mut shown: Vec<&JobStory> = jobs.iter().collect();
        shown.sort_by_key(|story| (!named.contains(&story.job.name), story.counts.due == 0));
        shown.truncate(JOBS_SHOWN);
        shown.sort_by(|a, b| a.job.name.cmp(&b.job.name));
        shown
    }

    fn cells(&self, story: &JobStory, strip: usize) -> String {
        if let Some(why) = unscheduled(story) {
            return self.paint.tone(Tone::Faint, &format!("{why:<strip$}"));
        }
        let mut text = String::new();
        for alike in story.cells.chunk_by(|a, b| a == b) {
            let (sign, tone) = match alike[0] {
                Cell::Idle => ("·", Tone::Faint),
                Cell::Busy => ("█", Tone::Busy),
                Cell::Waited => ("w", Tone::Doubtful),
                Cell::Skipped => ("s", Tone::Doubtful),
                Cell::Failed => ("x", Tone::Bad),
            };
            text.push_str(&self.paint.tone(tone, &sign.repeat(alike.len())));
        }
        text.push_str(&" ".repeat(strip.saturating_sub(story.cells.len())));
        text
    }

    /// Totals, and the load by hour.
    fn load(&self) -> String {
        let mut total = Counts::default();
        self.report.played.jobs.iter().for_each(|story| total.add(&story.counts));
        let load = &self.report.played.load;
        let mut text = paragraph("", &totals(&total), self.width);
        let Some(at) = load.in_flight.at else { return text };
        let zone = &self.report.rehearsal.zone;
        let most = self.report.rehearsal.set.agent.max_active;
        let line = format!(
            "at most {} in flight (`max_active` is {most}), first on {}",
            count(load.in_flight.count, "transfer"),
            time(at, zone),
        );
        text.push_str(&paragraph("", &line, self.width));
        let zone = zone.iana_name().unwrap_or("the machine's zone");
        text.push_str(&format!("\nthe most in each hour of the day ({zone})\n"));
        let some_wait = load.hours.iter().any(|hour| hour.waiting > 0);
        // A day in one line, or in two.
        let many = if self.width < DAY_IN_A_LINE { 12 } else { 24 };
        for first in (0..24).step_by(many) {
            let hours = |name: &str, number: &dyn Fn(usize) -> String| {
                let cells = (first..first + many).map(|hour| format!("{:>2}", number(hour)));
                format!("{name:<7} {}\n", cells.collect::<Vec<_>>().join(" "))
            };
            let head = hours("HOUR", &|hour| format!("{hour:02}"));
            text.push_str(&self.paint.tone(Tone::Faint, &head));
            text.push_str(&hours("at work", &|hour| dot(load.hours[hour].in_flight)));
            if some_wait {
                text.push_str(&hours("waiting", &|hour| dot(load.hours[hour].waiting)));
            }
        }
        text
    }
}

/// Why a job has no occurrences, if it has none.
fn unscheduled(story: &JobStory) -> Option<&'static str> {
    let why = if story.job.enabled { "no schedule" } else { "disabled" };
    (!story.is_scheduled()).then_some(why)
}

/// "2h for 3 jobs and 5m for 1 job", the longest first.
fn lengths(jobs: &BTreeMap<SignedDuration, usize>) -> String {
    let parts = jobs.iter().rev();
    let parts: Vec<String> = parts
        .map(|(length, jobs)| format!("{} for {}", span(*length), count(*jobs, "job")))
        .collect();
    listed(&parts)
}

/// A number of at most two characters.
fn dot(number: usize) -> String {
    match number {
        0 => "·".to_owned(),
        1..100 => number.to_string(),
        _ => "++".to_owned(),
    }
}

fn percent(share: f64) -> String {
    let percent = (share * 1_000.0).round() / 10.0;
    percent.to_string()
}

fn totals(total: &Counts) -> String {
    let number = |number: u64, word: &str| format!("{} {word}", grouped(number));
    let one_or = |number: u64, one, many| if number == 1 { one } else { many };
    let mut text = format!(
        "{}: {}",
        number(total.due, one_or(total.due, "occurrence", "occurrences")),
        number(total.succeeded, "succeeded")
    );
    for (sign, count, word) in [
        (',', total.skipped, "skipped"),
        (',', total.replaced, "replaced"),
        (',', total.failed, "failed"),
        (',', total.timed_out, "timed out"),
        (',', total.unfinished, "not over at the end"),
        (';', total.retries, one_or(total.retries, "retry", "retries")),
        (';', total.waited, "had to wait"),
    ] {
        if count > 0 {
            text.push_str(&format!("{sign} {}", number(count, word)));
        }
    }
    text
}

fn numbers(story: &JobStory) -> [String; 5] {
    let counts = &story.counts;
    let some = |number: u64| if number == 0 { "·".to_owned() } else { number.to_string() };
    let lasted = |longest: Option<super::rehearsal::Longest>| {
        longest.map_or_else(|| "·".to_owned(), |longest| span(longest.lasted))
    };
    [
        some(counts.due),
        some(counts.skipped + counts.replaced),
        some(counts.failed + counts.timed_out),
        lasted(story.longest_wait),
        lasted(story.longest),
    ]
}
