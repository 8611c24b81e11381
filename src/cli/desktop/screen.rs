//! Shows notifications, one after another, and carries out their buttons: they open the page where
//! the daemon has one, else the answer of `why`.

use std::io::Write;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use super::limits::{ANSWER_MAX, TEXT_MAX, UNDER_WAY};
use super::notices::{Notice, Throttle};
use super::notify::{Desktop, Heard};
use super::open::open;
use super::shown::{Key, Shown};
use crate::cli::ask::{hint, say};
use crate::cli::{Global, why};
use crate::clock;
use crate::core::ids::JobName;
use crate::core::plain::one_line;

/// A notice of a daemon, and the options by which commands reach that daemon.
pub(super) struct ToShow {
    pub(super) notice: Notice,
    pub(super) by: Arc<Global>,
}

/// The target of a button.
enum More {
    Page(String),
    Why { job: JobName, by: Arc<Global> },
}

impl More {
    fn of(notice: &Notice, by: Option<&Arc<Global>>) -> Option<Self> {
        if let Some(url) = notice.link() {
            return Some(Self::Page(url));
        }
        Some(Self::Why { job: notice.job.clone()?, by: Arc::clone(by?) })
    }

    fn button(&self) -> &'static str {
        match self {
            Self::Page(_) => "Show the page",
            Self::Why { .. } => "Why?",
        }
    }
}

/// The result of a button.
enum Outcome {
    Opened(Result<(), String>),
    Answered { key: Key, job: JobName, answer: Result<Vec<String>, String> },
}

#[derive(Default)]
struct Screen {
    desktop: Desktop,
    throttle: Throttle,
    shown: Shown<More>,
    under_way: JoinSet<Outcome>,
}

/// Shows notices until all senders are gone.
pub(super) async fn show(mut to_show: mpsc::Receiver<ToShow>, err: &mut dyn Write) {
    let mut screen = Screen::default();
    if let Err(words) = screen.desktop.reach().await {
        say(err, &format!("nothing can be shown: {words}"));
        hint(
            err,
            "run it in a desktop session, or have it start with each: `systemctl --user enable \
             --now transferd-desktop`",
        );
    }
    loop {
        let rest = screen.throttle.wait(clock::now());
        let done = tokio::select! {
            to_show = to_show.recv() => match to_show {
                Some(to_show) => screen.show_one(to_show).await,
                None => return,
            },
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => {
                match screen.throttle.rest(clock::now()) {
                    Some(notice) => screen.show(&notice, None).await,
                    None => Ok(()),
                }
            }
            heard = screen.desktop.heard() => screen.heard(heard),
            Some(outcome) = screen.under_way.join_next() => screen.came(outcome).await,
        };
        if let Err(words) = done {
            say(err, &words);
        }
    }
}

impl Screen {
    async fn show_one(&mut self, to_show: ToShow) -> Result<(), String> {
        match self.throttle.admit(to_show.notice, clock::now()) {
            Some(notice) => self.show(&notice, Some(&to_show.by)).await,
            None => Ok(()),
        }
    }

    async fn show(&mut self, notice: &Notice, by: Option<&Arc<Global>>) -> Result<(), String> {
        let more = More::of(notice, by);
        let shown = self.desktop.show(notice, more.as_ref().map(More::button), None).await;
        let key = shown.map_err(|words| format!("could not show `{}`: {words}", notice.title))?;
        if let Some(more) = more {
            self.shown.remember(key, more);
        }
        Ok(())
    }

    fn heard(&mut self, heard: Heard) -> Result<(), String> {
        match heard {
            Heard::Pressed(key) => return self.pressed(key),
            Heard::Closed(key) => self.shown.forget(&key),
            Heard::Gone => self.shown.clear(),
        }
        Ok(())
    }

    fn pressed(&mut self, key: Key) -> Result<(), String> {
        let Some(more) = self.shown.get(&key) else { return Ok(()) };
        if self.under_way.len() >= UNDER_WAY {
            return Err(format!("{UNDER_WAY} buttons are being followed already"));
        }
        match more {
            More::Page(url) => {
                let (bus, url) = (self.desktop.connection().cloned(), url.clone());
                self.under_way.spawn(async move { Outcome::Opened(open(bus, &url).await) });
            }
            More::Why { job, by } => {
                let (job, by) = (job.clone(), Arc::clone(by));
                self.under_way.spawn(async move {
                    let asked = job.clone();
                    let asking = spawn_blocking(move || why::sentences(asked.as_str(), &by));
                    let answer = asking.await.unwrap_or_else(|error| Err(error.to_string()));
                    Outcome::Answered { key, job, answer }
                });
            }
        }
        Ok(())
    }

    async fn came(&mut self, outcome: Result<Outcome, JoinError>) -> Result<(), String> {
        match outcome.map_err(|error| error.to_string())? {
            Outcome::Opened(opened) => opened,
            Outcome::Answered { key, job, answer } => {
                let notice = answered(&job, &answer?);
                // A person asked for it: it is shown however much was shown before.
                self.desktop.show(&notice, None, Some(&key)).await.map(drop)
            }
        }
    }
}

/// The answer to `why`, a paragraph for each sentence.
fn answered(job: &JobName, answer: &[String]) -> Notice {
    let mut body = String::new();
    for sentence in answer {
        let room = ANSWER_MAX.saturating_sub(body.len() + 1);
        if room == 0 {
            break;
        }
        if !body.is_empty() {
            body.push('\n');
        }
        body.push_str(&one_line(sentence, room.min(TEXT_MAX)));
    }
    Notice { body, ..Notice::new(&format!("Why {job}?"), "", false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_bounded_and_keeps_its_paragraphs() {
        let job = JobName::new("nightly");
        let answer = ["it waits for the agent".to_owned(), "\u{1b}[2Jsince 02:30".to_owned()];
        let notice = answered(&job, &answer);
        assert_eq!(notice.title, "Why nightly?");
        assert_eq!(notice.body, "it waits for the agent\n[2Jsince 02:30");
        let long = answered(&job, &vec!["word ".repeat(1_000); 50]);
        assert!((1_000..=ANSWER_MAX).contains(&long.body.len()), "{}", long.body.len());
    }
}
