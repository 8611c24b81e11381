//! `alert test`: sends a test alert through each entry of the job file, and prints the results.
//!
//! It needs no daemon and leaves no trace: a test alert goes the way that the daemon's alerts go,
//! once, and is marked as a test.

use std::io::{self, Write};

use clap::{Args as ClapArgs, Subcommand};
use futures_util::future::join_all;
use serde::Serialize;

use super::ask::{done, runtime, say};
use super::render::words::count;
use super::{Exit, Global, jobfile};
use crate::alerts::Courier;
use crate::clock;
use crate::config::Content;
use crate::core::alert::{Delivery, Occasion, QueuedAlert};
use crate::core::digest::Digest;
use crate::core::ids::AlertId;
use crate::core::job::{Alert, AlertChannel, AlertEvent, JobSet};
use crate::settings::{EntryNumbers, Settings, TokenSource};

/// Options of `transferd alert`.
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

/// Options of `transferd alert test`.
#[derive(Debug, ClapArgs)]
pub struct TestArgs {
    /// Test only entries subscribed to EVENT, or digests (default: all entries, each for its first
    /// event)
    #[arg(long, value_name = "EVENT", value_parser = event_names())]
    on: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

fn event_names() -> clap::builder::PossibleValuesParser {
    let words = AlertEvent::ALL.into_iter().map(AlertEvent::word);
    words.chain([Occasion::Digest.word()]).collect::<Vec<_>>().into()
}

/// The document of `alert test --json`.
#[derive(Debug, Serialize)]
struct Document {
    delivered: bool,
    entries: Vec<Entry>,
}

/// The result of one entry.
#[derive(Debug, Serialize)]
struct Entry {
    /// Its place in the job file: `alerts[2]`.
    entry: String,
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
    let Content { set, settings } = loaded.content;
    let on = args.on.as_deref();
    let chosen = chosen(&set, &settings.entries, on);
    if chosen.is_empty() {
        let words = match on {
            Some(word) if !set.alerts.is_empty() || !set.digests.is_empty() => {
                format!("no entry of `alerts` names `{word}`")
            }
            Some(_) | None if !settings.desktop.is_empty() => {
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
        Ok(runtime) => runtime.block_on(send(&settings, &chosen)),
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

/// An entry to be tried: its number in `alerts`, its channel, its occasion.
type Chosen<'a> = (usize, &'a AlertChannel, Occasion);

/// The entries to be tried, in the order of the file.
fn chosen<'a>(set: &'a JobSet, numbers: &EntryNumbers, on: Option<&str>) -> Vec<Chosen<'a>> {
    let of_entry = |(alert, number): (&'a Alert, &usize)| {
        let event = match on.map(AlertEvent::from_word) {
            Some(event) => event.filter(|event| alert.on.contains(event)),
            None => alert.on.first().copied(),
        };
        event.map(|event| (*number, &alert.channel, Occasion::Event(event)))
    };
    let digests = set.digests.iter().zip(&numbers.digests);
    let digests = digests.map(|(entry, number)| (*number, &entry.channel, Occasion::Digest));
    let digests = digests.filter(|(_, _, occasion)| on.is_none_or(|word| word == occasion.word()));
    let alerts = set.alerts.iter().zip(&numbers.alerts).filter_map(of_entry);
    let mut chosen: Vec<_> = alerts.chain(digests).collect();
    chosen.sort_by_key(|(number, _, _)| *number);
    chosen
}

async fn send(settings: &Settings, chosen: &[Chosen<'_>]) -> Vec<Entry> {
    let hostname = crate::daemon::host().hostname;
    let courier = Courier::for_tests(&hostname).linking_to(settings.external_url.as_deref());
    let withheld = match &settings.agent.token {
        TokenSource::Environment(name) => vec![name.clone()],
        TokenSource::File(_) | TokenSource::Login(_) | TokenSource::Credential => Vec::new(),
    };
    let deliveries = chosen.iter().map(async |(number, channel, occasion)| {
        let message = message(channel, *occasion, &hostname);
        let error = match courier.deliver(&message, channel, &withheld).await {
            Delivery::Delivered => None,
            Delivery::Failed(words) | Delivery::Later { words, .. } | Delivery::Refused(words) => {
                Some(words)
            }
        };
        Entry {
            entry: format!("alerts[{number}]"),
            channel: channel.to_string(),
            event: occasion.word(),
            delivered: error.is_none(),
            error,
        }
    });
    join_all(deliveries).await
}

fn message(channel: &AlertChannel, occasion: Occasion, hostname: &str) -> QueuedAlert {
    let now = clock::now();
    let word = occasion.word();
    let reason = format!("test alert (`{word}`): nothing is wrong");
    let digest = (occasion == Occasion::Digest).then(|| Box::new(Digest::empty(now)));
    QueuedAlert {
        text: format!("transferd on {hostname}: {reason}"),
        reason,
        digest,
        ..QueuedAlert::new(AlertId(clock::random_uuid()), channel.key(), occasion, now)
    }
}

fn tell(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    for entry in entries {
        let Entry { entry, channel, event, delivered: _, error } = entry;
        match error {
            None => writeln!(out, "{entry}, {channel}: delivered (`{event}`)")?,
            Some(words) => writeln!(out, "{entry}, {channel}: not delivered (`{event}`): {words}")?,
        }
    }
    let delivered = entries.iter().filter(|entry| entry.delivered).count();
    writeln!(out, "{delivered} of {} delivered", count(entries.len(), "alert"))?;
    out.flush()
}
