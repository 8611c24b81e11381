//! An account whose list grows by fifty records a second: what a look costs follows what is new.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::figure;
use crate::arguments::Arguments;
use crate::failure::{Failure, failed};
use crate::limits::LATER;
use crate::stage::Stage;
use crate::table::Row;
use crate::{agent, clock, file, process};

/// The mean time between two transfers of others: fifty a second.
const BETWEEN: SignedDuration = SignedDuration::from_millis(20);

/// The same while the hour before is made up.
const BETWEEN_AT_FIRST: SignedDuration = SignedDuration::from_millis(1);

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let before = Duration::from_secs(arguments.size(6, 2));
    let span = Duration::from_secs(arguments.size(30, 5));
    let (mut records, mut submits, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let mut lists = Vec::new();
    for _ in 0..arguments.long_runs() {
        let own = i64::try_from(span.as_millis())? + 4_000;
        let mut options = agent::options(own, own);
        options.people.foreign_every = Some(BETWEEN_AT_FIRST);
        let stage = Stage::new(&options)?;
        clock::pass(before);
        let slower = json!({"people": {"foreign_every": BETWEEN}});
        stage.agent.change(&slower)?;
        let head = file::head(stage.agent.address(), ", poll_interval: 1s");
        stage.write(&(head + &file::due(1, "0 0 0 29 2 *")))?;
        let daemon = stage.start()?;
        let triggered = clock::time_of_day();
        let run = stage.command(&["trigger", &file::name(0)])?.1;
        clock::until("it is submitted", LATER, || Ok(!stage.agent.posts()?.is_empty()))?;
        let posts = stage.agent.posts()?;
        submits.extend(posts.iter().map(|post| clock::milliseconds_from(triggered, post.at)));
        clock::pass(Duration::from_secs(2));
        let (used, began) = (process::cpu(daemon.process())?, clock::time_of_day());
        clock::pass(span);
        let used = process::cpu(daemon.process())? - used;
        cpu.push(100.0 * used.as_secs_f64() / span.as_secs_f64());
        let (_, asked) = stage.agent.requests_since(began)?;
        lists.push(figure(asked as u64) / span.as_secs_f64());
        records.push(figure(known(&stage)?));
        clock::until("the run is over", LATER, || {
            let shown = stage.json(&["show", run.trim(), "--json"])?;
            match shown["state"].as_str() {
                Some("succeeded") => Ok(true),
                Some("failed" | "timed_out" | "canceled" | "skipped") => {
                    failed(format!("the run ended as {}", shown["state"]))
                }
                _ => Ok(false),
            }
        })?;
    }
    Ok(vec![
        Row::new("records in the list at the end, all of the last hour", "", records),
        Row::new("trigger to submit: the first look of all", "ms", submits),
        Row::new("one run in flight, a poll a second: CPU", "% of a core", cpu),
        Row::new("one run in flight: pages asked for each second", "", lists),
    ])
}

/// How many transfers the agent knows.
fn known(stage: &Stage) -> Result<u64, Failure> {
    let all = crate::ask::get(stage.agent.address(), "/_sim/transfers")?;
    Ok(all.as_array().map_or(0, Vec::len).try_into()?)
}
