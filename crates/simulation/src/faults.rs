//! The kinds of faults in the model: a closed list, so that a kind that never strikes is noticed.
//!
//! World and harness count faults by words; here each word has its kind. A word without a kind, and
//! a kind that strikes in too few seeds, are both findings.

use std::collections::BTreeMap;

use super::report::Report;

/// Each kind must strike in at least one of this many seeds.
const ONE_IN: u64 = 100;

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, which is also the word by which it is counted.
    pub name: &'static str,
    /// Further words that count as it: the same cause, at another request.
    also: &'static [&'static str],
    /// A description.
    pub what: &'static str,
}

const fn kind(name: &'static str, what: &'static str) -> Kind {
    Kind { name, also: &[], what }
}

const fn kinds(name: &'static str, also: &'static [&'static str], what: &'static str) -> Kind {
    Kind { name, also, what }
}

/// Every kind of fault in the model, in the order of its description.
pub const KINDS: &[Kind] = &[
    // The daemon and its machine.
    kind("crash_before_commit", "the daemon dies before a commit"),
    kind("crash_before_effects", "it dies between a commit and the first effect"),
    kind("crash_amid_effects", "it dies between two effects"),
    kind("crash_after_effects", "it dies between the effects and their answers"),
    kind("crash", "it dies at any other moment"),
    kind("suspend", "the machine sleeps"),
    kind("suspend_for_hours", "it sleeps for an hour or longer"),
    kind("clock_forward", "the clock is set forward"),
    kind("clock_back", "the clock is set back"),
    kind("clock_set_unseen", "the clock is set while no daemon is there to see it"),
    kind("clock_set_at_the_agent", "the agent's clock is set with it"),
    kind("dst_begins", "daylight saving begins in a job's zone"),
    kind("dst_ends", "daylight saving ends in a job's zone"),
    // The store.
    kind("commit_failed", "one commit fails"),
    kind("disk_full", "the disk fills up"),
    kind("commit_on_full_disk", "a commit fails while the disk is full"),
    kind("answer_for_nobody", "an answer comes for an engine that was given up thereby"),
    kind("batched", "what happens within milliseconds shares one commit"),
    // The network.
    kind("post_lost_before", "a POST is lost on its way"),
    kind("post_lost_after", "the answer to a POST is lost"),
    kind("post_late", "a POST's connection dies, and the agent has yet to read it"),
    kind("post_processed_late", "the agent reads a POST whose connection has died"),
    kind("post_stalled_after", "a POST is accepted and never answered"),
    kind("post_slow", "the answer to a POST is late"),
    kind("list_lost_before", "a listing is lost"),
    kind("list_stalled_before", "a listing is never answered"),
    kind("list_slow", "a listing is late"),
    kind("cancel_lost_before", "a cancel is lost on its way"),
    kind("cancel_lost_after", "the answer to a cancel is lost"),
    kind("cancel_slow", "the answer to a cancel is late"),
    kind("other_lost_before", "a question for status or user is lost"),
    kind("other_slow", "the answer to one is late"),
    kind("answer_repeated", "an answer comes twice"),
    kind("answer_overtaken", "an answer comes after one that was asked for later"),
    kind("look_lost", "a look comes to nothing, and nobody is told"),
    kind("look_answered_late", "a look that was given up for lost is answered"),
    // The agent.
    kind("agent_restart", "the agent dies and starts again"),
    kind("created_lost", "it loses a Created transfer thereby"),
    kind("running_failed", "it fails a Running transfer thereby"),
    kind("agent_paused", "it is paused"),
    kind("agent_stopped", "it is stopped"),
    kind("agent_created", "its user signs out"),
    kind("agent_disposed", "its session is disposed"),
    kind("agent_started", "a daemon starts it again"),
    kinds(
        "token_refused",
        &[
            "post_unauthorized",
            "list_unauthorized",
            "cancel_unauthorized",
            "other_unauthorized",
            "other_problem_before",
        ],
        "it does not take a good token: 401, or a 499 that blames it",
    ),
    kind("post_error_before", "a POST is answered with 500, unaccepted"),
    kind("post_error_after", "a POST is answered with 500, accepted"),
    kind("post_problem_before", "a POST is answered with 499, unaccepted"),
    kind("post_problem_after", "a POST is answered with 499, accepted"),
    kind("list_error_before", "a listing is answered with 500"),
    kind("list_problem_before", "a listing is answered with 499"),
    kind("list_malformed", "a listing can't be read"),
    kind("cancel_error_before", "a cancel is answered with 500"),
    kind("cancel_problem_before", "a cancel is answered with 499"),
    kind("cancel_ignored", "a cancel is taken and forgotten"),
    kind("cancel_outrun", "a cancel is taken, and the transfer completes"),
    kind("hidden_past_adopt_window", "a transfer is listed later than `adopt_window` allows"),
    kind("over_forgotten", "a transfer that is over leaves the list"),
    kind("transfer_vanished", "a running transfer is lost"),
    kind("dates_off", "the agent's dates are off"),
    kind("list_shifted", "the list changes between two pages of a look"),
    kind("total_wavered", "`total` differs between two pages, for no reason"),
    kind("no_user_id", "no record tells its user, nor does the profile"),
    kind("some_user_ids_null", "some records do not tell their user"),
    kind("no_status", "`agent_status` can't be asked"),
    kind("no_date_header", "answers tell nothing of the agent's clock"),
    kind("list_created", "Created transfers are listed"),
    kind("total_counts_created", "`total` counts transfers that are not listed yet"),
    kind("manual_type", "our transfers bear the type of manual ones"),
    kind("duplicate_check", "a POST like an active one is answered with DUPLICATE"),
    // Transfers.
    kind("transfer_failed", "a transfer ends in Error"),
    kind("transfer_stalled", "a transfer stops moving"),
    kind("transfer_partial", "a transfer completes with failed objects"),
    kind("transfer_empty", "a transfer completes without any object"),
    kind("object_frames", "frames tell of objects that failed"),
    kind("forged_frames", "somebody sends such frames about our transfers"),
    kind("frames_flood", "somebody sends hundreds of them"),
    kind("receipts", "frames tell of requests that were carried out"),
    kind("forged_receipts", "somebody sends such frames about our requests"),
    kind("no_history", "the agent has no transfer history"),
    kind("history_own_ids", "rows of its history have ids of their own"),
    kind("history_late", "a row of it comes late"),
    // People.
    kind("person_pauses", "a person pauses a transfer"),
    kind("person_resumes", "a person resumes it"),
    kind("person_cancels", "a person cancels one"),
    kind("foreign_elsewhere", "somebody else starts a transfer elsewhere"),
    kind("foreign_same_places", "somebody else starts one between the same places"),
    kind("foreign_same_user", "our own user starts one elsewhere"),
    kind("foreign_same_places_same_user", "our own user starts one between the same places"),
    kind("foreign_of_machine", "a sync, or the agent's own repetition, starts one"),
    kind("reload", "the job file changes"),
    kind("job_added", "a job is added to it"),
    kind("job_changed", "a job with a run in flight is changed"),
    kind("job_removed", "a job with a run in flight is removed"),
    kind("job_renamed", "a job with a run in flight is renamed"),
    kind("operator_triggers", "an operator triggers a job"),
    kind("operator_triggers_for_a_time", "an operator triggers a job for a time that is past"),
    kind("operator_retries", "an operator repeats a run"),
    kind("operator_backfills", "an operator backfills a span of time"),
    kind("operator_cancels", "an operator cancels a job or a run"),
    kind("operator_pauses", "an operator pauses a job"),
    kind("operator_resumes", "an operator resumes a job"),
    kind("token_gone", "the token is taken away for a while"),
    // Others.
    kind("daemons_of_own_users", "two to four daemons, each with its own user"),
    kind("daemons_of_one_user", "two to four daemons with one user"),
];

/// How often each kind struck, and in how many seeds.
#[derive(Clone, Debug)]
pub struct Coverage {
    seeds: u64,
    /// For each kind: the number of times, and of seeds.
    struck: Vec<(u64, u64)>,
    /// Words without a kind.
    unlisted: BTreeMap<String, u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { seeds: 0, struck: vec![(0, 0); KINDS.len()], unlisted: BTreeMap::new() }
    }
}

impl Coverage {
    /// Adds the faults of one seed.
    pub fn add(&mut self, report: &Report) {
        self.seeds += 1;
        let mut times = vec![0; KINDS.len()];
        for (word, count) in &report.faults {
            let of_word = |kind: &Kind| kind.name == word || kind.also.contains(&word.as_str());
            match KINDS.iter().position(of_word) {
                Some(kind) => times[kind] += count,
                None => *self.unlisted.entry(word.clone()).or_default() += count,
            }
        }
        for (total, times) in self.struck.iter_mut().zip(times) {
            total.0 += times;
            total.1 += u64::from(times > 0);
        }
    }

    /// Kinds that struck in less than 1 % of the seeds. Fewer than a hundred seeds mean nothing.
    pub fn rare(&self) -> Vec<&'static str> {
        let is_rare = |(_, seeds): &(u64, u64)| self.seeds >= ONE_IN && seeds * ONE_IN < self.seeds;
        let of_each = KINDS.iter().zip(&self.struck);
        of_each.filter(|(_, struck)| is_rare(struck)).map(|(kind, _)| kind.name).collect()
    }

    /// Kinds that never struck.
    pub fn absent(&self) -> Vec<&'static str> {
        let of_each = KINDS.iter().zip(&self.struck);
        of_each.filter(|(_, (times, _))| *times == 0).map(|(kind, _)| kind.name).collect()
    }

    /// Counted words without a kind: the list is not closed.
    pub fn unlisted(&self) -> impl Iterator<Item = &str> {
        self.unlisted.keys().map(String::as_str)
    }

    /// A line for each kind: how often it struck, in how many of the seeds, and its description.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let rare = self.rare();
        KINDS.iter().zip(&self.struck).map(move |(kind, (times, seeds))| {
            #[expect(clippy::cast_precision_loss, reason = "a share that is shown")]
            let share = *seeds as f64 * 100.0 / self.seeds.max(1) as f64;
            let mark = if rare.contains(&kind.name) { "  RARE" } else { "" };
            let Kind { name, what, .. } = kind;
            format!("  {name:<30} {times:>9} {seeds:>7} {share:>5.1} %  {what}{mark}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(faults: &[(&str, u64)]) -> Report {
        let faults = faults.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
        Report { faults, ..Report::default() }
    }

    #[test]
    fn a_kind_that_strikes_in_less_than_one_seed_of_a_hundred_is_rare() {
        let mut coverage = Coverage::default();
        let all: Vec<(&str, u64)> = KINDS.iter().map(|kind| (kind.name, 1)).collect();
        coverage.add(&seed(&all));
        for _ in 1..100 {
            coverage.add(&seed(&[("crash", 5)]));
        }
        assert_eq!((coverage.rare(), coverage.absent()), (vec![], vec![]));
        coverage.add(&seed(&[("crash", 5)]));
        assert_eq!(coverage.rare().len(), KINDS.len() - 1);
        assert!(!coverage.rare().contains(&"crash"));
    }

    #[test]
    fn a_word_without_a_kind_is_reported() {
        let mut coverage = Coverage::default();
        coverage.add(&seed(&[("moon_fell_down", 1), ("list_unauthorized", 2)]));
        assert_eq!(coverage.unlisted().collect::<Vec<_>>(), ["moon_fell_down"]);
        let line = coverage.lines().find(|line| line.contains("token_refused")).expect("a line");
        assert!(line.contains(" 2 ") && !line.contains("RARE"), "{line}");
    }

    #[test]
    fn no_word_has_two_kinds() {
        let mut words: Vec<&str> =
            KINDS.iter().flat_map(|kind| kind.also.iter().chain([&kind.name]).copied()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
