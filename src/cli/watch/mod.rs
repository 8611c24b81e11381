//! `status --watch`: the page of `status`, kept up to date, on a terminal with keys to look into
//! runs and to act; in a file, a pipe or a dumb terminal as a block whenever something has changed.
//!
//! `feed` asks the daemon, `keyboard` reads keys, `model` holds the view and handles keys, `page`
//! lays it out, `painted` translates that page for `screen`, the terminal; `act` sends requests to
//! the daemon, `blocks` is the form without a terminal. Screen and keys are ratatui's and
//! crossterm's.

mod act;
mod blocks;
mod feed;
mod keyboard;
mod model;
mod page;
mod painted;
mod screen;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::ask::{Daemon, say_error};
use super::event_stream::News;
use super::render::table::{Screen as Paper, is_dumb};
use super::render::words::Times;
use super::{Exit, Global};
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::request::StatusQuery;
use crate::signals::{Interrupts, ScreenSignal, ScreenSignals};
use model::{Model, Step};
use screen::Screen;

/// Shows the page until a signal or `q` comes. A daemon that goes away is waited for.
pub(super) fn watch(
    daemon: &Daemon,
    query: &StatusQuery,
    absolute: bool,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let watched = daemon.wait(async {
        let mut signals = Interrupts::listen().map_err(|e| ClientError::Broken(e.to_string()))?;
        let watching = async {
            if std::io::stdout().is_terminal() && !is_dumb() {
                on_terminal(daemon.client(), query, absolute, global, out).await
            } else {
                blocks::write(daemon.client(), query, global, out).await
            }
        };
        tokio::select! {
            result = watching => result,
            () = signals.next() => Ok(()),
        }
    });
    match watched {
        Ok(()) => Exit::Done,
        Err(error) => say_error(&error, err),
    }
}

async fn on_terminal(
    client: &Client,
    query: &StatusQuery,
    absolute: bool,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(), ClientError> {
    let mut screen_signals =
        ScreenSignals::listen().map_err(|error| ClientError::Broken(error.to_string()))?;
    // If the terminal is gone, nobody is in front of it.
    let Ok(mut screen) = Screen::begin(out) else { return Ok(()) };
    let mut keys = keyboard::listen();
    let mut model = Model::default();
    let mut asking = Box::pin(feed::ask(client.again(), query, News::default(), Duration::ZERO));
    loop {
        let times = Times { now: clock::now(), zone: TimeZone::system(), absolute };
        let (paper, height) = (Paper::of_stdout(global.color), Screen::area().height.into());
        if screen.draw(page::lines(&mut model, &times, paper, height)).is_err() {
            return Ok(());
        }
        let lasts = page::lasts(&mut model, &times, paper, height);
        let step = tokio::select! {
            biased;
            signal = screen_signals.next() => match signal {
                ScreenSignal::Suspended if screen.suspend().is_err() => Step::Quit,
                ScreenSignal::Suspended | ScreenSignal::Resized => Step::Nothing,
            },
            Some(key) = keys.recv() => model.press(key),
            answer = &mut asking => {
                let (now, news) = model.followed.take(answer, client)?;
                asking.set(feed::ask(now, query, news, model.followed.patience()));
                model.again()
            }
            () = tokio::time::sleep(lasts) => Step::Nothing,
        };
        match step {
            Step::Nothing => {}
            Step::Quit => return Ok(()),
            Step::Do(action) => {
                let told = act::act(client, &action).await;
                model.note(told);
                // Its effect is shown at once.
                asking.set(feed::ask(client.again(), query, News::default(), Duration::ZERO));
            }
            Step::Look(what) => {
                let told = act::look(client, &what, absolute, Paper::of_stdout(global.color)).await;
                model.shows(what, told);
            }
        }
    }
}
