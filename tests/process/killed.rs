//! The daemon and its agent, killed with SIGKILL at random moments, over and over; then their
//! records are held against each other.
//!
//! `cargo test` kills for some seconds. `TRANSFERD_KILLS=300 TRANSFERD_SEED=7 cargo test --release
//! --test process killed -- --nocapture` kills as often as asked, and prints the figures.
//!
//! What happens meanwhile: answers lost before and after acceptance, answers that never come,
//! 500s and 499s of both kinds, POSTs that are processed late, listings that fail; pick-up
//! delays; transfers that fail or stall; strangers' transfers between the same places; reloads,
//! good and bad; runs triggered by hand while the daemon is dying.

use std::process::{Child, Stdio};
use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use serde_json::{Value, json};
use transferd::sim::world::{Ending, Endings, FaultRates, People, Script, Span, WorldOptions};

use crate::reconcile::{Expected, Findings, reconcile};
use crate::stage::{Agent, PATIENCE, Stage, moment, now, pause, until};

/// So many kills are made in a plain `cargo test`.
const KILLS: u32 = 25;

/// How long the next of the last runs may take to end, once nothing is killed any more: those of one
/// place come one after the other.
const DRAIN: Duration = Duration::from_secs(60);

#[test]
fn nothing_is_lost_and_nothing_doubled_however_often_everything_is_killed() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let kills = number("TRANSFERD_KILLS").map_or(KILLS, |kills| u32::try_from(kills).unwrap());
    let seed = number("TRANSFERD_SEED").unwrap_or(1);
    let mut ordeal = Ordeal::new(seed);
    for _ in 0..kills {
        ordeal.round();
    }
    let (findings, words) = ordeal.end();
    println!("seed {seed}: {words}");
    let violations: Vec<_> = findings.violations().collect();
    assert!(violations.is_empty(), "seed {seed}: {words}\n{violations:#?}");
    let succeeded = findings.runs.get("succeeded").copied().unwrap_or(0);
    assert!(succeeded > 0, "seed {seed}: nothing ever succeeded: {words}");
}

/// Rates at which much goes wrong, and still most of it gets done. What hides a transfer stays
/// well within `adopt_window`: beyond it lies the residue that the protocol names.
fn hostile_world() -> WorldOptions {
    WorldOptions {
        pick_up: Span::millis(10, 400),
        duration: Span::millis(20, 700),
        cancel_takes: Span::millis(10, 300),
        endings: Endings { error: 0.05, ..Endings::default() },
        faults: FaultRates {
            post_lost_before: 0.08,
            post_lost_after: 0.15,
            post_late: 0.03,
            post_late_by: Span::millis(10, 300),
            post_stalled: 0.03,
            post_error_before: 0.03,
            post_error_after: 0.05,
            post_problem_before: 0.03,
            post_problem_after: 0.05,
            list_failed: 0.05,
            cancel_lost_before: 0.1,
            cancel_lost_after: 0.1,
            cancel_failed: 0.1,
            other_lost: 0.02,
            ..FaultRates::default()
        },
        people: People {
            foreign_every: Some(SignedDuration::from_millis(700)),
            foreign_same_user: 0.0,
            foreign_same_places: 0.8,
            ..People::default()
        },
        scripts: vec![Script {
            destination: "stuck/".to_owned(),
            ending: Some(Ending::Stall),
            ..Script::default()
        }],
        ..WorldOptions::default()
    }
}

/// The same agent on a good day: what hangs still hangs.
fn calm_world() -> WorldOptions {
    let people = People::default();
    WorldOptions { faults: FaultRates::default(), people, ..hostile_world() }
}

/// Jobs whose occurrences are counted, with their periods in seconds. `same` writes all its runs
/// to one place, so that they can be told apart by evidence only; `stuck` never ends by itself.
const COUNTED: [(&str, i64); 4] = [("each", 1), ("same", 2), ("skips", 1), ("stuck", 5)];

/// The job file; `edition` changes what may change without touching a schedule.
fn job_file(port: u16, edition: u32, enabled: bool) -> String {
    let places = |job: &str, path: &str| {
        format!(
            "    source: {{account: production, bucket: footage, path: {job}/}}\n    \
             destination: {{account: archive, bucket: cold, path: \"{job}/{path}\"}}\n"
        )
    };
    let mut text = format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 200ms, \
         request_timeout: 1s, adopt_window: 2s, max_active: 6}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
         defaults: {{timezone: UTC, timeout: 8s, enabled: {enabled}, \
         retry: {{max_attempts: 4, initial_delay: 100ms, max_delay: 1s}}}}\n\
         jobs:\n"
    );
    let about = |what: &str| format!("    description: {what}, edition {edition}\n");
    text += &format!(
        "  each:\n    schedule: '* * * * * *'\n    overlap: queue\n{}{}",
        about("a folder for each run"),
        places("each", "{run}/")
    );
    text += &format!(
        "  same:\n    schedule: '*/2 * * * * *'\n    catch_up: all\n{}{}",
        about("always the same place"),
        places("same", "x/")
    );
    text += &format!(
        "  skips:\n    schedule: '* * * * * *'\n    catch_up: none\n{}{}",
        about("skips when busy"),
        places("skips", "{run}/")
    );
    text += &format!(
        "  stuck:\n    schedule: '*/5 * * * * *'\n    overlap: replace\n    \
        timeout: 1s\n    retry: {{max_attempts: 1}}\n{}",
        places("stuck", "{run}/")
    );
    text += &format!("  manual:\n{}", places("manual", "{run}/"));
    if edition % 2 == 1 {
        text += &format!("  extra:\n    schedule: '* * * * * *'\n{}", places("extra", "{run}/"));
    }
    text
}

struct Ordeal {
    chance: Rng,
    agent: Agent,
    stage: Stage,
    edition: u32,
    begun: jiff::Timestamp,
    started: std::time::Instant,
    kills: u32,
    agent_kills: u32,
    reloads: u32,
    bad_files: u32,
    triggers: Vec<Child>,
}

impl Ordeal {
    fn new(seed: u64) -> Self {
        let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
        let agent = Agent::start(stage.path(), &hostile_world(), seed);
        stage.write("jobs.yaml", &job_file(agent.port, 0, true));
        let mut ordeal = Self {
            chance: Rng::with_seed(seed),
            agent,
            stage,
            edition: 0,
            begun: now(),
            started: moment(),
            kills: 0,
            agent_kills: 0,
            reloads: 0,
            bad_files: 0,
            triggers: Vec::new(),
        };
        ordeal.stage.start();
        // Only from now on is anything promised of these jobs.
        ordeal.begun = now();
        ordeal
    }

    fn some_time(&mut self, longest: u64) -> Duration {
        Duration::from_millis(self.chance.u64(0..longest))
    }

    /// A life of the daemon: it is alive at the beginning and at the end.
    fn round(&mut self) {
        if self.chance.u8(..100) < 40 {
            self.reload();
        }
        if self.chance.u8(..100) < 25 {
            let time = self.some_time(300);
            pause(time);
            self.agent.kill();
            self.agent_kills += 1;
            let time = self.some_time(300);
            pause(time);
            self.agent.rise();
        }
        // Most die while they work, some while they recover.
        let longest = if self.chance.u8(..100) < 30 { 80 } else { 1_200 };
        let time = self.some_time(longest);
        pause(time);
        if self.chance.u8(..100) < 40 {
            self.trigger();
        }
        self.stage.kill();
        self.kills += 1;
        let time = self.some_time(200);
        pause(time);
        if self.chance.bool() {
            self.stage.start();
        } else {
            self.stage.launch();
        }
    }

    fn reload(&mut self) {
        self.edition += 1;
        let mut text = job_file(self.agent.port, self.edition, true);
        if self.chance.u8(..100) < 25 {
            self.bad_files += 1;
            text.push_str("    overlap: sometimes\n");
        }
        self.stage.write("jobs.yaml", &text);
        self.reloads += 1;
    }

    /// Asks for a run, and lets the daemon die while it answers.
    fn trigger(&mut self) {
        let mut command = self.stage.command(&["trigger", "manual"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        self.triggers.push(child);
        let time = self.some_time(60);
        pause(time);
    }

    /// Lets everything that was begun end, and holds the records against each other.
    fn end(mut self) -> (Findings, String) {
        self.agent.set_options(&calm_world());
        self.agent.kill();
        self.agent.rise();
        self.stage.until_it_answers();
        self.stage.write("jobs.yaml", &job_file(self.agent.port, self.edition, true));
        let reload = self.stage.ask(&["reload"]);
        assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
        // The clock has not reached the next second yet when the jobs are switched off.
        let counted_to = now() - SignedDuration::from_secs(1);
        self.stage.write("jobs.yaml", &job_file(self.agent.port, self.edition, false));
        let reload = self.stage.ask(&["reload"]);
        assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
        let mut history = Vec::new();
        let mut open = usize::MAX;
        while open > 0 {
            (history, open) = until("one more run ends", DRAIN, || {
                pause(Duration::from_millis(200));
                assert!(self.stage.daemon().try_wait().unwrap().is_none(), "the daemon has ended");
                let history = self.stage.history();
                let left = history.iter().filter(|run| run["ended_at"].is_null()).count();
                (left < open).then_some((history, left))
            });
        }
        let transfers = until("all transfers of ours end", PATIENCE, || {
            let transfers = self.agent.get("/_sim/transfers");
            let active = |entry: &Value| entry["active"] == true;
            let ours = |entry: &Value| entry["transfer"]["origin"] != "foreign";
            let over = transfers.as_array().unwrap().iter().all(|t| !(ours(t) && active(t)));
            over.then_some(transfers)
        });
        self.stage.kill();
        let period = |(job, period_seconds)| Expected {
            job,
            period_seconds,
            from: self.begun,
            to: counted_to,
        };
        let expected = COUNTED.map(period);
        let mut findings = reconcile(&transfers, &history, &expected);
        let acknowledged = self.acknowledged();
        for id in &acknowledged {
            if !history.iter().any(|run| run["id"] == id.as_str()) {
                findings.lost.push(format!("run {id} was triggered and acknowledged"));
            }
        }
        let words = self.figures(&findings, &history, acknowledged.len());
        (findings, words)
    }

    /// The ids that `trigger` has printed.
    fn acknowledged(&mut self) -> Vec<String> {
        let ends = self.triggers.drain(..).map(|child| child.wait_with_output().unwrap());
        let good = ends.filter(|output| output.status.success());
        good.map(|output| String::from_utf8(output.stdout).unwrap().trim().to_owned()).collect()
    }

    fn figures(&self, findings: &Findings, history: &[Value], acknowledged: usize) -> String {
        let posts = self.agent.get("/_sim/posts");
        let posts = posts.as_array().unwrap();
        let faulty = posts.iter().filter(|post| !post["post"]["fault"].is_null()).count();
        let of = |word: &str| posts.iter().filter(|p| p["post"]["fault"] == word).count();
        let attempts: usize =
            history.iter().map(|run| run["attempts"].as_array().map_or(0, Vec::len)).sum();
        json!({
            "seconds": self.started.elapsed().as_secs(),
            "kills": self.kills,
            "agent_kills": self.agent_kills,
            "reloads": self.reloads,
            "of_them_bad": self.bad_files,
            "triggers_acknowledged": acknowledged,
            "runs": history.len(),
            "ends": findings.runs,
            "attempts": attempts,
            "posts": posts.len(),
            "posts_with_a_fault": faulty,
            "lost_after_acceptance": of("lost_after"),
            "transfers": findings.transfers,
            "canceled": findings.canceled,
            "foreign": findings.foreign,
            "lost": findings.lost.len(),
            "doubled": findings.doubled.len(),
            "foreign_touched": findings.touched.len(),
            "untrue": findings.untrue.len(),
        })
        .to_string()
    }
}
