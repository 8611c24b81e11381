//! How long after a transfer's end at the agent its run is over, by both books.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use jiff::Timestamp;

use crate::arguments::Arguments;
use crate::failure::{Failure, failed};
use crate::limits::LATER;
use crate::stage::Stage;
use crate::statistics::quantile;
use crate::table::Row;
use crate::{agent, clock, file};

/// So long transfers take, in milliseconds: spread, so that their ends are.
const SPREAD: (i64, i64) = (1_000, 5_000);

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let many = arguments.size(100, 20);
    let mut rows = Vec::new();
    for (jobs, rounds) in [(1, arguments.size(10, 2)), (many, arguments.long_runs())] {
        let told = latencies(jobs, rounds, Hearing::Frames)?;
        rows.extend(quantiles(&format!("{jobs} at once, with notifications"), &told, 50.0));
        let asked = latencies(jobs, rounds, Hearing::Nothing)?;
        rows.extend(quantiles(&format!("{jobs} at once, polled each second"), &asked, 1_050.0));
    }
    Ok(rows)
}

/// Whether the agent's notifications reach the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    Frames,
    Nothing,
}

fn quantiles(of: &str, latencies: &[f64], budget: f64) -> Vec<Row> {
    let taken = |share| quantile(latencies, share).into_iter().collect();
    let count = latencies.len();
    vec![
        Row::new(format!("median of {count} transfers, {of}"), "ms", taken(0.5)),
        Row::new(format!("p99 of {count} transfers, {of}"), "ms", taken(0.99)).at_most(budget),
    ]
}

/// Lets so many jobs run at once, so many times; milliseconds from each transfer's end to when the
/// daemon saw it.
fn latencies(jobs: usize, rounds: usize, hearing: Hearing) -> Result<Vec<f64>, Failure> {
    let stage = Stage::new(&agent::options(SPREAD.0, SPREAD.1))?;
    let (address, interval) = match hearing {
        Hearing::Frames => (stage.agent.address().to_owned(), "5s"),
        Hearing::Nothing => (without_notifications(stage.agent.address())?, "1s"),
    };
    let head = file::head(&address, &format!(", poll_interval: {interval}"));
    // Never due meanwhile.
    stage.write(&(head + &file::due(jobs, "0 0 0 29 2 *")))?;
    let daemon = stage.start()?;
    for round in 1..=rounds {
        stage.command(&["trigger", "job-*"])?;
        clock::until("all runs are over", LATER, || {
            clock::pass(Duration::from_millis(200));
            Ok(ends(&stage)?.len() == round * jobs)
        })?;
    }
    let at_agent = ask_ends(&stage)?;
    drop(daemon);
    let latency = |(transfer, seen): (String, Timestamp)| match at_agent.get(&transfer) {
        Some(ended) => Ok(clock::milliseconds_from(*ended, seen)),
        None => failed(format!("the agent does not know the transfer {transfer}")),
    };
    ends(&stage)?.into_iter().map(latency).collect()
}

/// The transfers of the runs that are over, and when the daemon saw that they were.
fn ends(stage: &Stage) -> Result<Vec<(String, Timestamp)>, Failure> {
    let runs = stage.json(&["history", "-n", "1000", "--json"])?;
    let mut ends = Vec::new();
    for run in runs.as_array().into_iter().flatten() {
        let Some(attempt) = run["attempts"].as_array().and_then(|attempts| attempts.last()) else {
            continue;
        };
        if let (Some(id), Some(at)) = (attempt["transfer_id"].as_str(), run["ended_at"].as_str()) {
            ends.push((id.to_owned(), at.parse()?));
        }
    }
    Ok(ends)
}

/// When the transfers that are over have ended, by the agent's own book.
fn ask_ends(stage: &Stage) -> Result<HashMap<String, Timestamp>, Failure> {
    let all = crate::ask::get(stage.agent.address(), "/_sim/transfers")?;
    let mut ends = HashMap::new();
    for found in all.as_array().into_iter().flatten().map(|found| &found["transfer"]) {
        if let (Some(id), Some(at)) = (found["id"].as_str(), found["ended_at"].as_str()) {
            ends.insert(id.to_owned(), at.parse()?);
        }
    }
    Ok(ends)
}

/// The address of a go-between that refuses the notification socket, and passes on all else. Its
/// threads end with the program.
fn without_notifications(agent: &str) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let agent = agent.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let agent = agent.clone();
            // What can't be passed on looks like a connection that was reset.
            std::thread::spawn(move || pass_on(client, &agent));
        }
    });
    Ok(address)
}

fn pass_on(mut client: TcpStream, agent: &str) -> Result<(), Failure> {
    let mut first = [0; 8_192];
    let length = client.read(&mut first)?;
    let first = &first[..length];
    if first.starts_with(b"GET /notification") {
        client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(());
    }
    let mut server = TcpStream::connect(agent)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    server.write_all(first)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    std::io::copy(&mut client, &mut server)?;
    Ok(server.shutdown(Shutdown::Both)?)
}
