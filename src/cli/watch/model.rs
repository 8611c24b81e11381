//! The state of the view, and the effect of each key. Knows neither the screen nor the daemon.

use ratatui::crossterm::event::KeyCode;

use super::feed::Followed;
use crate::control::document::JobDocument;
use crate::core::ids::{JobName, RunId};

/// The longest filter: a longer one is not part of a name.
const FILTER_MAX: usize = 100;

/// An action on a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Run it now.
    Trigger(JobName),
    /// End its runs.
    Cancel(JobName),
    /// Stop its scheduling.
    Pause(JobName),
    /// Restart it.
    Resume(JobName),
    /// Repeat its last run.
    Retry(JobName),
}

/// The subject of a detailed view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A run.
    Run(RunId),
    /// A job.
    Job(JobName),
}

/// The effect of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Only a new page.
    Nothing,
    /// The end.
    Quit,
    /// An action for the daemon.
    Do(Action),
    /// A detailed view to be requested from the daemon.
    Look(Shown),
}

/// The content of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// The jobs.
    #[default]
    Jobs,
    /// The jobs, while a filter is typed.
    Filter,
    /// The jobs, and a question.
    Question(Action),
    /// The details of a run or a job.
    Text(Shown, String),
    /// The keys.
    Keys,
    /// The problems in full.
    Problems,
}

/// The state of the view.
#[derive(Default)]
pub(super) struct Model {
    /// The daemon's answers.
    pub(super) followed: Followed,
    /// The content of the screen.
    pub(super) mode: Mode,
    /// Only jobs whose names contain this are shown.
    pub(super) filter: String,
    /// The job that keys act on.
    pub(super) selected: Option<JobName>,
    /// The result of the last action; true if it was refused.
    pub(super) told: Option<(bool, String)>,
    /// The first visible line of a text that is longer than the screen.
    pub(super) top: usize,
    /// The jobs in the order in which they were shown last.
    pub(super) order: Vec<JobName>,
    /// Lines of the last page.
    pub(super) room: usize,
}

impl Model {
    /// Handles a key.
    pub(super) fn press(&mut self, key: KeyCode) -> Step {
        self.told = None;
        match &self.mode {
            Mode::Jobs => self.press_in_jobs(key),
            Mode::Filter => self.press_in_filter(key),
            Mode::Question(action) => {
                let action = action.clone();
                self.mode = Mode::Jobs;
                let yes = matches!(key, KeyCode::Char('y' | 'Y'));
                if yes { Step::Do(action) } else { Step::Nothing }
            }
            Mode::Text(..) | Mode::Keys | Mode::Problems => self.press_in_text(key),
        }
    }

    fn press_in_jobs(&mut self, key: KeyCode) -> Step {
        match key {
            KeyCode::Char('q' | 'Q') => return Step::Quit,
            KeyCode::Char('?' | 'h') => (self.mode, self.top) = (Mode::Keys, 0),
            KeyCode::Char('!') => (self.mode, self.top) = (Mode::Problems, 0),
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Up | KeyCode::Char('k') => self.select(-1),
            KeyCode::Down | KeyCode::Char('j') => self.select(1),
            KeyCode::PageUp => self.select(-self.page()),
            KeyCode::PageDown => self.select(self.page()),
            KeyCode::Home | KeyCode::Char('g') => self.select(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.select(isize::MAX),
            KeyCode::Enter => return self.open(),
            KeyCode::Char('d') => {
                if let Some(name) = self.selected.clone() {
                    return Step::Look(Shown::Job(name));
                }
            }
            KeyCode::Char(letter) => self.ask(letter),
            _ => {}
        }
        Step::Nothing
    }

    fn press_in_filter(&mut self, key: KeyCode) -> Step {
        match key {
            KeyCode::Char(letter) if self.filter.len() < FILTER_MAX => self.filter.push(letter),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Enter => self.mode = Mode::Jobs,
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::Jobs;
            }
            KeyCode::Up => self.select(-1),
            KeyCode::Down => self.select(1),
            _ => {}
        }
        Step::Nothing
    }

    fn press_in_text(&mut self, key: KeyCode) -> Step {
        let page = self.room.max(1);
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.top = self.top.saturating_add(1),
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top = self.top.saturating_add(page),
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            // The page keeps it in bounds.
            KeyCode::End | KeyCode::Char('G') => self.top = usize::MAX,
            KeyCode::Char('q' | 'Q' | '?' | '!')
            | KeyCode::Esc
            | KeyCode::Enter
            | KeyCode::Backspace => {
                (self.mode, self.top) = (Mode::Jobs, 0);
            }
            _ => {}
        }
        Step::Nothing
    }

    /// The number of jobs on half a screen.
    fn page(&self) -> isize {
        isize::try_from(self.room / 2).unwrap_or(1).max(1)
    }

    /// Moves the selection by this many jobs.
    fn select(&mut self, by: isize) {
        let Some(last) = self.order.len().checked_sub(1) else { return };
        let at = self.order.iter().position(|name| Some(name) == self.selected.as_ref());
        let at = at.unwrap_or(0).saturating_add_signed(by).min(last);
        self.selected = self.order.get(at).cloned();
    }

    fn job(&self) -> Option<&JobDocument> {
        let name = self.selected.as_ref()?;
        self.followed.status()?.jobs.iter().find(|job| job.name == *name)
    }

    /// The active run of the job, else its last.
    fn open(&mut self) -> Step {
        let Some(job) = self.job() else { return Step::Nothing };
        match job.active_run.as_ref().or(job.last_run.as_ref()) {
            Some(run) => Step::Look(Shown::Run(run.id)),
            None => Step::Look(Shown::Job(job.name.clone())),
        }
    }

    /// Asks before an action is carried out.
    fn ask(&mut self, letter: char) {
        let Some(job) = self.job() else { return };
        let name = job.name.clone();
        let of_all = self.followed.status().and_then(|status| status.pause.as_ref());
        let no = |words: String| Err(words);
        let asked = match letter {
            't' => Ok(Action::Trigger(name)),
            'c' if job.active_run.is_none() => no(format!("`{name}` has no run to cancel")),
            'c' => Ok(Action::Cancel(name)),
            'p' if !job.paused => Ok(Action::Pause(name)),
            'p' if job.pause.as_ref() == of_all => {
                no("all jobs are paused: `transferd resume --all` ends that".to_owned())
            }
            'p' => Ok(Action::Resume(name)),
            'r' if job.last_run.is_none() => no(format!("`{name}` has no run to retry")),
            'r' => Ok(Action::Retry(name)),
            _ => return,
        };
        match asked {
            Ok(action) => self.mode = Mode::Question(action),
            Err(words) => self.told = Some((true, words)),
        }
    }

    /// Requests the details again: they may have changed.
    pub(super) fn again(&self) -> Step {
        match &self.mode {
            Mode::Text(what, _) => Step::Look(what.clone()),
            Mode::Jobs | Mode::Filter | Mode::Question(_) | Mode::Keys | Mode::Problems => {
                Step::Nothing
            }
        }
    }

    /// Takes in the result of an action.
    pub(super) fn note(&mut self, told: Result<String, String>) {
        self.told = Some(match told {
            Ok(words) => (false, words),
            Err(words) => (true, words),
        });
    }

    /// Takes in the requested details.
    pub(super) fn shows(&mut self, what: Shown, told: Result<String, String>) {
        match told {
            Ok(text) => {
                let same = matches!(&self.mode, Mode::Text(before, _) if *before == what);
                if !same {
                    self.top = 0;
                }
                self.mode = Mode::Text(what, text);
            }
            Err(words) => self.told = Some((true, words)),
        }
    }
}

impl Action {
    /// The question before the action.
    pub(super) fn question(&self) -> String {
        let words = match self {
            Self::Trigger(job) => format!("run `{job}` now?"),
            Self::Cancel(job) => format!("cancel the active run of `{job}`, and those that wait?"),
            Self::Pause(job) => format!("pause `{job}` until it is resumed?"),
            Self::Resume(job) => format!("schedule `{job}` again?"),
            Self::Retry(job) => format!("retry the last run of `{job}`?"),
        };
        format!("{words} [y/N]")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three jobs, as a daemon reports them; `busy` has a run.
    pub(in super::super) fn model() -> Model {
        let place = serde_json::json!({"account": null,
            "account_id": "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11", "bucket": "b", "path": "p/"});
        let run = serde_json::json!({"id": "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01", "job": "busy",
            "trigger": "manual", "state": "running", "reason": "", "source": place,
            "destination": place, "created_at": "2026-11-27T12:00:00Z", "attempts": []});
        let job = |name: &str, active: serde_json::Value| {
            serde_json::json!({"name": name, "enabled": true, "paused": false, "schedule": null,
                "source": place, "destination": place, "active_run": active})
        };
        let none = serde_json::Value::Null;
        let status = serde_json::json!({
            "daemon": {"version": "1", "pid": 1, "started_at": "2026-11-27T12:00:00Z"},
            "config": {"path": "jobs.yaml", "valid": true},
            "agent": {"url": "http://localhost:1", "state": "started", "token": {}},
            "jobs": [job("busy", run), job("dailies", none.clone()), job("weekly", none)],
            "problems": [],
        });
        let status: crate::control::document::StatusDocument =
            serde_json::from_value(status).unwrap();
        let order: Vec<_> = status.jobs.iter().map(|job| job.name.clone()).collect();
        let followed = Followed { last: Some((status, jiff::Timestamp::UNIX_EPOCH)), away: None };
        let selected = order.first().cloned();
        Model { followed, order, selected, room: 10, ..Model::default() }
    }

    fn press(model: &mut Model, keys: &str) -> Step {
        let mut step = Step::Nothing;
        for key in keys.chars() {
            assert_eq!(step, Step::Nothing, "{keys}");
            step = model.press(KeyCode::Char(key));
        }
        step
    }

    #[test]
    fn nothing_is_done_without_a_yes() {
        let mut model = model();
        let job = JobName::new("dailies");
        assert_eq!(press(&mut model, "jt"), Step::Nothing);
        assert_eq!(model.mode, Mode::Question(Action::Trigger(job.clone())));
        assert_eq!(press(&mut model, "n"), Step::Nothing);
        assert_eq!(model.mode, Mode::Jobs);
        assert_eq!(press(&mut model, "ty"), Step::Do(Action::Trigger(job.clone())));
        assert_eq!(press(&mut model, "py"), Step::Do(Action::Pause(job)));
        // There is nothing to cancel, and that is shown.
        assert_eq!(press(&mut model, "c"), Step::Nothing);
        assert!(matches!(&model.told, Some((true, words)) if words.contains("no run to cancel")));
        let busy = JobName::new("busy");
        assert_eq!(press(&mut model, "kcy"), Step::Do(Action::Cancel(busy)));
    }

    #[test]
    fn the_selection_stays_within_the_jobs_and_enter_opens_the_active_run() {
        let mut model = model();
        for _ in 0..5 {
            model.press(KeyCode::Down);
        }
        assert_eq!(model.selected, Some(JobName::new("weekly")));
        assert_eq!(model.press(KeyCode::Enter), Step::Look(Shown::Job(JobName::new("weekly"))));
        model.press(KeyCode::Home);
        let Step::Look(Shown::Run(run)) = model.press(KeyCode::Enter) else { panic!("no run") };
        model.shows(Shown::Run(run), Ok("a\nb\n".to_owned()));
        assert_eq!(model.again(), Step::Look(Shown::Run(run)), "it is kept up to date");
        assert_eq!(press(&mut model, "q"), Step::Nothing, "back to the jobs");
        assert_eq!(press(&mut model, "q"), Step::Quit);
    }

    #[test]
    fn what_is_typed_after_a_slash_is_a_filter() {
        let mut model = model();
        assert_eq!(press(&mut model, "/dq"), Step::Nothing, "no command while it is typed");
        model.press(KeyCode::Backspace);
        model.press(KeyCode::Enter);
        assert_eq!((model.filter.as_str(), &model.mode), ("d", &Mode::Jobs));
        model.press(KeyCode::Esc);
        assert_eq!(model.filter, "");
    }
}
