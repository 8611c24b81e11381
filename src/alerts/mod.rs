//! Delivers alerts to people: webhooks, pings, and commands.
//!
//! It owns the requests, the child processes and the form of the document. It does not know why an
//! alert was raised, nor whether it is retried. Keeps true: no address, header or argument of a
//! command is in an error, a log line or `Debug` output; redirects and proxies are not followed;
//! every wait and every output is bounded; no child outlives its time or this process's end.
//! Processes that a successful command leaves running are its own business.

mod command;
mod descendants;
mod document;
mod http;
mod limits;
mod program;
mod secrets;

use std::convert::Infallible;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::core::alert::{Delivery, QueuedAlert};
use crate::core::job::AlertChannel;
use document::Document;
use secrets::Secrets;

pub use secrets::{exposed_files, files_not_obeyed};

/// Takes charge of processes that commands leave behind, for as long as it runs: as their reaper,
/// so that none escapes by losing its parent, and none stays as a zombie.
///
/// # Errors
/// The kernel refuses; then a process that leaves its group and its parent escapes.
pub async fn adopt_orphans() -> std::io::Result<Infallible> {
    let mut ends = signal(SignalKind::child())?;
    descendants::adopt()?;
    loop {
        descendants::reap();
        if ends.recv().await.is_none() {
            return std::future::pending().await;
        }
    }
}

/// Delivers alerts. Cheap to clone; all clones share the warnings already given.
#[derive(Clone, Debug)]
pub struct Courier {
    hostname: Arc<str>,
    secrets: Secrets,
    test: bool,
    external_url: Option<Arc<str>>,
}

impl Courier {
    /// A courier for alerts of this machine.
    pub fn new(hostname: &str) -> Self {
        Self {
            hostname: hostname.into(),
            secrets: Secrets::default(),
            test: false,
            external_url: None,
        }
    }

    /// A courier whose alerts are marked as tests.
    pub fn for_tests(hostname: &str) -> Self {
        Self { test: true, ..Self::new(hostname) }
    }

    /// The same, whose alerts link to the page that people reach at `external_url`.
    #[must_use]
    pub fn linking_to(&self, external_url: Option<&str>) -> Self {
        Self { external_url: external_url.map(Arc::from), ..self.clone() }
    }

    /// Delivers one alert by one channel. A command's environment is this process's own without the
    /// variables for this process alone, and without `withheld`, which hold secrets.
    pub async fn deliver(
        &self,
        alert: &QueuedAlert,
        channel: &AlertChannel,
        withheld: &[String],
    ) -> Delivery {
        let mut document = Document::new(alert, &self.hostname, self.test);
        if let Some(url) = &self.external_url {
            document.link_to(url);
        }
        let result = match channel {
            AlertChannel::Webhook { url, headers_file } => {
                http::webhook(&document, url, headers_file.as_deref(), &self.secrets).await
            }
            AlertChannel::Ping { url } => http::ping(&document, url, &self.secrets).await,
            AlertChannel::Command(words) => {
                command::run(&document, words, withheld, limits::COMMAND_MAX).await
            }
        };
        match result {
            Ok(()) => Delivery::Delivered,
            Err(failure) => failure,
        }
    }
}
