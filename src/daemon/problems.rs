//! Problems that an operator should act on, in sentences for `status` and the page.
//!
//! Asks nobody: all is as of the last contact, and of the last reading.

use jiff::Timestamp;

use super::driver::Driver;
use crate::control::phrase::Phrase;
use crate::core::engine::FailingAlert;

/// A token that ends within this is reported as a problem.
const EXPIRES_SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

impl Driver {
    /// Problems that an operator should act on.
    pub(super) fn problems(&self, now: Timestamp) -> Vec<Phrase> {
        let mut problems = Vec::new();
        if let Some(outage) = self.event_loop.outage() {
            let phrase = Phrase::new("nothing can be recorded since ").time(outage.since);
            problems.push(phrase.words(format!(": {}", outage.words)));
        }
        if let Some(problem) = self.job_file.problem() {
            let words = format!("the job file is invalid, the old jobs stay: {problem}");
            problems.push(Phrase::new(words));
        }
        problems.extend(self.web.problem().map(Phrase::new));
        let of_agent = self.agent_problem();
        let told = of_agent.as_ref().map(Phrase::to_string).unwrap_or_default();
        problems.extend(of_agent);
        let token = self.agent.client().token();
        let problem = token.known_problem().map(|problem| problem.to_string());
        if let Some(words) = problem.filter(|words| !told.contains(words)) {
            let renewal = self.renewal(&words);
            problems.push(Phrase::new(words).words(renewal));
        }
        problems.extend(token.known_warning().map(Phrase::new));
        if let Some(end) = self.agent.known_token_end()
            && end.duration_since(now) < EXPIRES_SOON
        {
            let verb = if end <= now { "expired" } else { "expires" };
            let phrase = Phrase::new(format!("the token {verb} at ")).time(end);
            problems.push(phrase.words(self.renewal("")));
        }
        problems.extend(self.engine().alerts_view().failing.iter().map(undelivered));
        match self.engine().cancels_unconfirmed() {
            0 => {}
            1 => problems.push(Phrase::new("1 cancel is not confirmed yet")),
            many => {
                let words = format!("{many} cancels are not confirmed yet");
                problems.push(Phrase::new(words));
            }
        }
        problems
    }

    /// The problem with the agent, as found by the last request to it: the engine's, or the glance
    /// of `status`.
    fn agent_problem(&self) -> Option<Phrase> {
        let view = self.engine().agent_view();
        let glance = self.agent.glance.as_ref().filter(|glance| Some(glance.at) > view.asked_at);
        let (words, token_valid, since) = match glance {
            Some(glance) => (glance.words.clone(), glance.token_valid, None),
            None => (view.words, view.token_valid, view.unavailable_since),
        };
        if words.is_empty() {
            return None;
        }
        let renewal = if token_valid == Some(false) { self.renewal(&words) } else { String::new() };
        let phrase = match since {
            Some(at) => Phrase::new(words).words(" (since ").time(at).words(")"),
            None => Phrase::new(words),
        };
        Some(phrase.words(renewal))
    }

    /// How a token is renewed, after the words about its problem; empty if that needs no saying.
    fn renewal(&self, words: &str) -> String {
        let hint = self.agent.client().token().renewal().hint();
        let hint = hint.filter(|_| !words.contains("transferd login"));
        hint.map(|hint| format!("; {hint}")).unwrap_or_default()
    }
}

/// An alert whose delivery fails.
fn undelivered(alert: &FailingAlert) -> Phrase {
    let tries = match alert.tries {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    Phrase::new(format!("alert `{}` of ", alert.occasion.word()))
        .time(alert.at)
        .words(format!(" by {} is not delivered after {tries}, the next at ", alert.channel))
        .time(alert.next_try)
        .words(format!(": {}", alert.words))
}
