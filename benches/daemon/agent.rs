//! The simulated agent, in a process of its own, and its books.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use serde_json::Value;
use transferd::sim::world::{Span, WorldOptions};

use crate::ask;
use crate::failure::{Failure, failed};

/// The simulated agent; it ends with this value.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    address: String,
}

/// A POST or a transfer in the agent's books.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its destination's path.
    pub(crate) destination: String,
    /// When the POST arrived, or the transfer ended.
    pub(crate) at: Timestamp,
}

/// An agent whose transfers are picked up at once and take between these milliseconds.
pub(crate) fn options(least: i64, most: i64) -> WorldOptions {
    WorldOptions {
        pick_up: Span::millis(10, 50),
        duration: Span::millis(least, most),
        cancel_takes: Span::millis(10, 50),
        ..WorldOptions::default()
    }
}

impl Agent {
    /// Starts an agent with these options, which are kept in `folder`.
    pub(crate) fn start(folder: &Path, options: &WorldOptions) -> Result<Self, Failure> {
        let file = folder.join("agent.json");
        std::fs::write(&file, serde_json::to_vec(options)?)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_transferd"))
            .args(["sim", "--port", "0", "--options"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let Some(out) = child.stdout.take() else { return failed("the agent has no output") };
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        let Some(address) = url.trim().strip_prefix("http://") else {
            return failed("the agent did not say where it is");
        };
        Ok(Self { child, address: address.to_owned() })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Changes its options by a merge patch.
    pub(crate) fn change(&self, patch: &Value) -> Result<(), Failure> {
        ask::post(&self.address, "/_sim/options", &patch.to_string())
    }

    /// The POSTs that have reached it, in their order.
    pub(crate) fn posts(&self) -> Result<Vec<Entry>, Failure> {
        let posts = ask::get(&self.address, "/_sim/posts")?;
        let posts = posts.as_array().into_iter().flatten();
        posts.map(|post| entry(&post["post"], &post["post"]["at"])).collect()
    }

    /// The transfers that are over, in no order.
    pub(crate) fn ended(&self) -> Result<Vec<Entry>, Failure> {
        let all = ask::get(&self.address, "/_sim/transfers")?;
        let all = all.as_array().into_iter().flatten().map(|found| &found["transfer"]);
        let over = all.filter(|transfer| !transfer["ended_at"].is_null());
        over.map(|transfer| entry(transfer, &transfer["ended_at"])).collect()
    }

    /// Requests to its API since a time, and how many of them were for the list. It remembers the
    /// last ten thousand.
    pub(crate) fn requests_since(&self, since: Timestamp) -> Result<(usize, usize), Failure> {
        let all = ask::get(&self.address, "/_sim/requests")?;
        let (mut requests, mut lists) = (0, 0);
        for request in all.as_array().into_iter().flatten() {
            let at: Timestamp = request["at"].as_str().unwrap_or_default().parse()?;
            if at >= since {
                requests += 1;
                lists += usize::from(request["path"] == "/transfer/get_all");
            }
        }
        Ok((requests, lists))
    }
}

fn entry(of: &Value, at: &Value) -> Result<Entry, Failure> {
    let destination = of["request"]["destination"]["path"].as_str().unwrap_or_default().to_owned();
    Ok(Entry { destination, at: at.as_str().unwrap_or_default().parse()? })
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to keep.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
