//! `alert test`: sends a test alert by each entry of the job file, and says what came of it.
//!
//! It needs no daemon and leaves no trace: what is sent goes the way that the daemon's alerts go,
//! once, and is said to be a test.

use std::io::{self, Write};

use clap::{Args as ClapArgs, Subcommand};
use futures_util::future::join_all;
use serde::Serialize;

use super::ask::{done, runtime, say};
use super::render::words::count;
use super::{Exit, Global, jobfile};
use crate::alerts::Courier;
use crate::clock;
use crate::core::alert::{Delivery, Occasion, QueuedAlert};
use crate::core::ids::AlertId;
use crate::core::job::{Alert, AlertEvent, JobSet, TokenSource};

/// What may be typed after `alert`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send a test alert by each entry of the job file
    ///
    /// Needs no daemon. Exits 0 if all were delivered, and 1 otherwise.
    Test(TestArgs),
}

/// What may be typed after `alert test`.
#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    /// Test only entries subscribed to EVENT (default: all entries, each for its first event)
    #[arg(long, value_name = "EVENT", value_parser = event_names())]
    on: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

fn event_names() -> clap::builder::PossibleValuesParser {
    AlertEvent::ALL.map(AlertEvent::word).into()
}

/// The document of `alert test --json`.
#[derive(Debug, Serialize)]
struct Document {
    delivered: bool,
    entries: Vec<Entry>,
}

/// What came of one entry.
#[derive(Debug, Serialize)]
struct Entry {
    channel: String,
    event: &'static str,
    delivered: bool,
    error: Option<String>,
}

/// Carries out `alert`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let What::Test(args) = args.what;
    let read = jobfile::path(global, err).and_then(|path| jobfile::read(&path, global, err));
    let loaded = match read {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let set = loaded.set;
    let on = args.on.as_deref().and_then(AlertEvent::from_word);
    let chosen: Vec<_> = set.alerts.iter().filter_map(|alert| chosen(alert, on)).collect();
    if chosen.is_empty() {
        let words = match on {
            Some(event) if !set.alerts.is_empty() => {
                format!("no entry of `alerts` names `{}`", event.word())
            }
            Some(_) | None if !set.desktop.is_empty() => {
                "only `transferd desktop` shows what `alerts` asks for: all its entries say \
                 `notify: desktop`"
                    .to_owned()
            }
            Some(_) | None => "the job file has no `alerts`".to_owned(),
        };
        say(err, &words);
        return Exit::No;
    }
    let entries = match runtime() {
        Ok(runtime) => runtime.block_on(send(&set, &chosen)),
        Err(error) => {
            say(err, &format!("nothing can be sent: {error}"));
            return Exit::No;
        }
    };
    let document = Document { delivered: entries.iter().all(|entry| entry.delivered), entries };
    let exit = if document.delivered { Exit::Done } else { Exit::No };
    let told =
        if args.json { super::write_json(out, &document) } else { tell(&document.entries, out) };
    done(told, exit)
}

/// The entry, with the event that it is tried with.
fn chosen(alert: &Alert, on: Option<AlertEvent>) -> Option<(&Alert, AlertEvent)> {
    let event = match on {
        Some(event) => alert.on.contains(&event).then_some(event),
        None => alert.on.first().copied(),
    };
    event.map(|event| (alert, event))
}

async fn send(set: &JobSet, chosen: &[(&Alert, AlertEvent)]) -> Vec<Entry> {
    let hostname = crate::daemon::host().hostname;
    let courier = Courier::for_tests(&hostname).linking_to(set.external_url.as_deref());
    let withheld = match &set.agent.token {
        TokenSource::Environment(name) => vec![name.clone()],
        TokenSource::File(_) | TokenSource::Login(_) | TokenSource::Credential => Vec::new(),
    };
    let deliveries = chosen.iter().map(async |(alert, event)| {
        let message = message(alert, *event, &hostname);
        let error = match courier.deliver(&message, &alert.channel, &withheld).await {
            Delivery::Delivered => None,
            Delivery::Failed(words) | Delivery::Later { words, .. } | Delivery::Refused(words) => {
                Some(words)
            }
        };
        Entry {
            channel: alert.channel.to_string(),
            event: event.word(),
            delivered: error.is_none(),
            error,
        }
    });
    join_all(deliveries).await
}

fn message(alert: &Alert, event: AlertEvent, hostname: &str) -> QueuedAlert {
    let now = clock::now();
    let reason = format!("a test of `alerts`, as for `{}`: nothing has happened", event.word());
    QueuedAlert {
        id: AlertId(clock::random_uuid()),
        number: 0,
        key: alert.channel.key(),
        occasion: Occasion::Event(event),
        at: now,
        job: None,
        run: None,
        state: None,
        text: format!("transferd on {hostname}: {reason}"),
        reason,
        reason_code: None,
        cause: None,
        source: None,
        destination: None,
        scheduled_for: None,
        attempts: 0,
        tries: 0,
        next_try: now,
        last_error: None,
    }
}

fn tell(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    for entry in entries {
        match &entry.error {
            None => writeln!(out, "{}: delivered (`{}`)", entry.channel, entry.event)?,
            Some(words) => {
                writeln!(out, "{}: not delivered (`{}`): {words}", entry.channel, entry.event)?;
            }
        }
    }
    let delivered = entries.iter().filter(|entry| entry.delivered).count();
    writeln!(out, "{delivered} of {} delivered", count(entries.len(), "alert"))?;
    out.flush()
}
