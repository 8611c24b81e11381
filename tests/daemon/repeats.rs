//! A red night is found, repeated to its folder and green; what was never run is run.

use crate::answers::is_run;
use crate::stage::Stage;

/// A job with a dated folder, whose first transfer fails.
const NIGHT: &str = "  night: {source: *s, destination: {account: b, bucket: c, \
                     path: \"night/{%Y-%m-%d}/\"}, schedule: \"30 2 * * *\", timezone: UTC}";

#[test]
fn a_red_night_is_found_repeated_to_its_folder_and_green() {
    let stage = Stage::new("");
    stage.write_jobs(NIGHT);
    let _daemon = stage.start();
    let red = stage.command(&["trigger", "night", "--for", "2026-03-02", "--wait"]);
    assert_eq!(red.code, 1, "{}", red.err);
    let id = red.out.trim();

    let shown = stage.run(&id[..8]);
    assert_eq!(shown["state"], "failed");
    assert_eq!(shown["reason_code"], "agent_error");
    assert_eq!(shown["destination"]["path"], "night/2026-03-02/");

    let retried = stage.command(&["retry", "night", "--wait", "--json"]);
    assert_eq!(retried.code, 0, "{}", retried.err);
    let run: serde_json::Value = serde_json::from_str(&retried.out).unwrap();
    is_run(&run);
    assert_eq!((&run["trigger"], &run["retry_of"]), (&"retry".into(), &id.into()));
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["scheduled_for"], "2026-03-02T02:30:00Z");
    assert_eq!(run["destination"], shown["destination"]);

    let why = stage.json(&["why", "night", "2026-03-02T02:30:00Z", "--json"]);
    assert_eq!(why["run"]["id"], run["id"], "the one that has succeeded");
    let runs: Vec<_> = why["runs"].as_array().unwrap().iter().map(|run| &run["id"]).collect();
    assert_eq!(runs, [&serde_json::json!(id), &run["id"]]);
    let told = stage.command(&["why", "night", "2026-03-02T02:30:00Z"]).out;
    assert!(told.contains("2 runs") && told.contains("one of them has succeeded"), "{told}");

    for (words, hint) in [
        (vec!["retry", "night"], "--again"),
        (vec!["trigger", "night", "--for", "2026-03-02 02:30"], "--again"),
        (vec!["trigger", "night", "--for", "2126-03-02T02:30:00Z"], "lies ahead"),
        (vec!["trigger", "hand", "--for", "2026-03-02"], "no occurrence"),
        (vec!["retry", "nihgt"], "did you mean `night`"),
    ] {
        let refused = stage.command(&words);
        assert_eq!(refused.code, 1, "{words:?}: {}", refused.out);
        assert!(refused.err.contains(hint), "{words:?}: {}", refused.err);
    }
    // A name beside it would be left aside in silence.
    let mixed = stage.command(&["retry", "night", "--since", "1d"]);
    assert_eq!(mixed.code, 2, "{}", mixed.out);
    assert!(mixed.err.contains("retry --failed --since"), "{}", mixed.err);
    let of_day = stage.json(&["why", "night", "2026-03-02", "--json"]);
    assert_eq!(of_day["at"], "2026-03-02T02:30:00Z", "the occurrence of that day");
    assert_eq!(of_day["run"]["id"], run["id"]);
    let none = stage.json(&["retry", "--failed", "--since", "1d", "--json"]);
    assert_eq!(none, serde_json::json!([]));
}

#[test]
fn a_glob_retries_the_jobs_whose_last_run_did_not_succeed() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let none = stage.command(&["retry", "*"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("has a last run to retry"), "{}", none.err);
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let broken = stage.command(&["trigger", "broken", "--wait"]);
    assert_eq!(broken.code, 1);
    let runs = stage.json(&["retry", "*", "br*", "--json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(runs[0]["retry_of"], broken.out.trim());
    let again = stage.json(&["retry", "h*", "--again", "--json"]);
    assert_eq!(again[0]["job"], "hand");
    let unfit = stage.command(&["retry", "none-*"]);
    assert_eq!(unfit.code, 1);
    assert!(unfit.err.contains("no job is named like `none-*`"), "{}", unfit.err);
}

#[test]
fn a_backfill_shows_its_plan_and_runs_what_has_no_success() {
    let stage = Stage::new("");
    stage.write_jobs(NIGHT);
    let _daemon = stage.start();
    stage.command(&["trigger", "night", "--for", "2026-03-02", "--wait"]);
    assert_eq!(stage.command(&["retry", "night", "--wait"]).code, 0);
    let span = ["backfill", "night", "--from", "2026-03-01", "--to", "2026-03-03"];
    let with = |more: &[&'static str]| [&span[..], more].concat();

    let plan = stage.json(&with(&["--dry-run", "--json"]));
    assert_eq!(plan["runs"][0]["scheduled_for"], "2026-03-01T02:30:00Z");
    assert_eq!(plan["runs"][1]["destination"]["path"], "night/2026-03-03/");
    assert_eq!(plan["runs"].as_array().unwrap().len(), 2);
    assert_eq!(plan["left_out"][0]["reason_code"], "completed");

    let asked = stage.command(&with(&[]));
    assert_eq!(asked.code, 2, "{}", asked.err);
    assert!(asked.out.contains("night/2026-03-01/"), "{}", asked.out);
    assert_eq!(stage.json(&["history", "night", "--json"]).as_array().unwrap().len(), 2);

    assert_eq!(stage.command(&with(&["--yes"])).code, 0);
    stage.until("both have succeeded", || {
        let history = stage.json(&["history", "night", "--json"]);
        let runs = history.as_array().unwrap();
        runs.iter()
            .filter(|run| run["trigger"] == "backfill" && run["state"] == "succeeded")
            .count()
            == 2
    });
    assert_eq!(stage.json(&with(&["--dry-run", "--json"]))["runs"], serde_json::json!([]));
}

/// A nightly job of a zone in which the clock is changed: at 02:00 on the last Sunday of March it
/// is 03:00, and at 03:00 on the last Sunday of October it is 02:00.
const BERLIN: &str = "  night: {source: *s, destination: {account: b, bucket: c, \
                      path: \"night/{%Y-%m-%d}/{%H%M}/\"}, schedule: \"30 2 * * *\", \
                      timezone: Europe/Berlin}";

#[test]
fn nights_in_which_the_clock_is_changed_are_repeated_to_their_folders() {
    let stage = Stage::new("");
    stage.write_jobs(BERLIN);
    let _daemon = stage.start();
    // The night that has no half past two, and the one that has two.
    for (day, at, path) in [
        ("2025-03-30", "2025-03-30T01:00:00Z", "night/2025-03-30/0300/"),
        ("2025-10-26", "2025-10-26T00:30:00Z", "night/2025-10-26/0230/"),
    ] {
        let red = stage.command(&["trigger", "night", "--for", day, "--json"]);
        assert_eq!(red.code, 0, "{day}: {}", red.err);
        let run: serde_json::Value = serde_json::from_str(&red.out).unwrap();
        assert_eq!(run["scheduled_for"], at, "{day}");
        assert_eq!(run["destination"]["path"], path, "{day}");
        let id = run["id"].as_str().unwrap();
        stage.until("it is over", || {
            let state = stage.run(id)["state"].as_str().unwrap().to_owned();
            ["failed", "succeeded"].contains(&state.as_str())
        });
        if stage.run(id)["state"] == "failed" {
            let green = stage.json(&["retry", "night", "--wait", "--json"]);
            assert_eq!((&green["state"], &green["retry_of"]), (&"succeeded".into(), &id.into()));
            for same in ["scheduled_for", "source", "destination"] {
                assert_eq!(green[same], run[same], "{day}");
            }
        }
        let why = stage.json(&["why", "night", day, "--json"]);
        assert_eq!((&why["at"], &why["run"]["state"]), (&at.into(), &"succeeded".into()));
    }
    // Times in Z: the plan is in the job's zone all the same, once for each night.
    let span = ["--from", "2025-10-25T00:00:00Z", "--to", "2025-10-27T12:00:00Z"];
    let plan = stage.command(&[&["backfill", "night", "--dry-run", "--all"], &span[..]].concat());
    let lines: Vec<&str> = plan.out.lines().map(|line| &line[..30.min(line.len())]).collect();
    let nights = [
        "Sat 2025-10-25 02:30:00 +02:00",
        "Sun 2025-10-26 02:30:00 +02:00",
        "Mon 2025-10-27 02:30:00 +01:00",
        "3 runs",
    ];
    assert_eq!(lines, nights, "{}", plan.out);
    let filled = stage.command(&[&["backfill", "night", "--yes"], &span[..]].concat());
    assert_eq!(filled.code, 0, "{}", filled.err);
    let of_backfill = |state: &str| {
        let history = stage.json(&["history", "night", "--json"]);
        let runs = history.as_array().unwrap().iter();
        runs.filter(|run| run["trigger"] == "backfill" && run["state"] == state).count()
    };
    stage.until("the two nights without a success have one", || of_backfill("succeeded") == 2);
}

#[test]
fn a_backfilled_night_in_which_the_clock_is_changed_is_found_red_and_repeated_green() {
    let stage = Stage::new("");
    stage.write_jobs(BERLIN);
    let _daemon = stage.start();
    let filled = ["backfill", "night", "--from", "2025-03-30", "--to", "2025-03-30", "--yes"];
    assert_eq!(stage.command(&filled).code, 0);
    stage.until("the night is red", || {
        stage.json(&["history", "night", "--json"])[0]["state"] == "failed"
    });
    let red = stage.json(&["show", "night", "--json"]);
    assert_eq!((&red["trigger"], &red["reason_code"]), (&"backfill".into(), &"agent_error".into()));
    let green = stage.json(&["retry", "night", "--wait", "--json"]);
    assert_eq!((&green["state"], &green["retry_of"]), (&"succeeded".into(), &red["id"]));
    assert_eq!(green["scheduled_for"], "2025-03-30T01:00:00Z", "there was no half past two");
    assert_eq!(green["destination"]["path"], "night/2025-03-30/0300/");
    let why = stage.json(&["why", "night", "2025-03-30", "--json"]);
    assert_eq!(why["run"]["id"], green["id"]);
}

#[test]
fn several_jobs_are_triggered_together_or_not_at_all() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let refused = stage.command(&["trigger", "hand", "nobody"]);
    assert_eq!(refused.code, 1);
    assert_eq!(stage.json(&["history", "--json"]), serde_json::json!([]));
    let set = "destination.path=other/{%Y}/";
    let runs = stage.json(&["trigger", "h*", "hand", "--set", set, "--wait", "--json"]);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    let path = runs[0]["destination"]["path"].as_str().unwrap();
    assert!(path.starts_with("other/2"), "{path}");
    assert_eq!(stage.command(&["trigger", "none-*"]).code, 1);
    assert_eq!(stage.command(&["trigger", "hand", "--set", "bucket=x"]).code, 2);
}
