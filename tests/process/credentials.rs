//! How a token is got, kept, and missed.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Output, Stdio};

use serde_json::json;
use transferd::sim::world::{Endpoint, Fault, PlannedFault, SimUser, Span, WorldOptions};

use crate::stage::{Agent, PATIENCE, Stage, until};
use crate::terminal::Terminal;

const PASSWORD: &str = "correct-horse-battery";

/// A user who signs in with a password, and after it with what `change` says.
fn world(change: impl FnOnce(&mut SimUser)) -> WorldOptions {
    let mut user = SimUser::new(WorldOptions::DEFAULT_USER, "me@example.com", "unknown-to-us");
    user.password = PASSWORD.to_owned();
    change(&mut user);
    WorldOptions {
        users: vec![user],
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 100),
        ..WorldOptions::default()
    }
}

fn job_file(port: u16, token: &str) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', {token}poll_interval: 50ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\n\
         jobs:\n  one: &one\n    source: {{account: production, bucket: footage, path: one/}}\n    \
         destination: {{account: production, bucket: projects, path: '{{job}}/'}}\n  \
         two: *one\n"
    )
}

fn stage(agent: &Agent) -> Stage {
    let stage = Stage::new("no-good-token");
    stage.write("jobs.yaml", &job_file(agent.port, "token_file: token, "));
    stage
}

/// `login` with these lines of input.
fn log_in(stage: &Stage, lines: &str) -> Output {
    log_in_with(stage, &["login"], lines)
}

fn log_in_with(stage: &Stage, args: &[&str], lines: &str) -> Output {
    let mut command = stage.command(args);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_login_without_a_terminal_leaves_a_token_that_is_good_and_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let stage = stage(&agent);
    let token = stage.path().join("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = log_in(&stage, &format!("me@example.com\n{PASSWORD}\n"));
    assert!(said.status.success(), "{}", words(&said.stderr));
    assert!(words(&said.stdout).contains("it expires at"), "{}", words(&said.stdout));
    assert_eq!(token.metadata().unwrap().mode() & 0o777, 0o600);
    let minted = std::fs::read_to_string(&token).unwrap();
    for said in [&said.stdout, &said.stderr] {
        assert!(!words(said).contains(minted.trim()) && !words(said).contains(PASSWORD));
    }
    let lines = format!("me@example.com\n{PASSWORD}\n");
    let said = words(&log_in_with(&stage, &["login", "--json"], &lines).stdout);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["token_file"], token.to_str().unwrap(), "{said}");
    assert_eq!((&told["in_job_file"], told["expires_at"].is_string()), (&true.into(), true));
    assert!(!said.contains(std::fs::read_to_string(&token).unwrap().trim()));
    let checked = stage.ask(&["check", "--online"]);
    assert!(checked.status.success(), "{}", words(&checked.stderr));
    let said = words(&checked.stdout);
    assert!(said.contains("the token is good until 20"), "{said}");
    assert!(said.contains("DesktopCreativeUser"), "{said}");
}

#[test]
fn a_login_that_is_refused_says_what_to_look_at_and_changes_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|user| user.sms_code = Some("5150".into())), 1);
    let stage = stage(&agent);
    let nobody = log_in(&stage, "you@example.com\nx\n");
    let wrong = log_in(&stage, "me@example.com\nwrong\n");
    let code = log_in(&stage, &format!("me@example.com\n{PASSWORD}\n1234\n"));
    let nothing = log_in(&stage, "me@example.com\n");
    for (said, hint) in [
        (nobody, "check user name and password"),
        (wrong, "`--user-type`"),
        (code, "run `transferd login` again"),
        (nothing, "lines of input"),
    ] {
        assert_eq!(said.status.code(), Some(1));
        assert!(words(&said.stderr).contains(hint), "{}", words(&said.stderr));
    }
    assert_eq!(std::fs::read_to_string(stage.path().join("token")).unwrap(), "no-good-token");
}

#[test]
fn a_person_at_a_terminal_is_asked_and_what_is_secret_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|user| user.sms_code = Some("5150".into())), 1);
    let stage = stage(&agent);
    let mut terminal = Terminal::start(&stage.command(&["login"]));
    terminal.until("User name: ").types("me@example.com\r");
    terminal.until("Password: ").types(&format!("{PASSWORD}\r"));
    terminal.until("Code from the text message: ").types("9876\r");
    // Only when it asks again has it stopped showing what is typed.
    terminal.until("that code is wrong\r\nCode from the text message: ").types("5150\r");
    let (status, shown) = terminal.until("it expires at").end();
    assert!(status.success(), "{shown}");
    for secret in [PASSWORD, "9876", "5150"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(stage.ask(&["accounts"]).status.success());
}

#[test]
fn an_interrupted_question_gives_the_terminal_back_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let stage = stage(&agent);
    // What follows in the same terminal shows what is typed again.
    let mut shell = std::process::Command::new("sh");
    let login = stage.command(&["login", "--username", "me@example.com"]);
    shell.current_dir(stage.path()).args(["-c", "\"$@\"; echo ended $?; stty -a", "sh"]);
    shell.arg(login.get_program()).args(login.get_args());
    let mut terminal = Terminal::start(&shell);
    terminal.until("Password: ").types("half\u{3}");
    let (_, shown) = terminal.until("ended").end();
    assert!(shown.contains("ended 130") && shown.contains("interrupted"), "{shown}");
    let echoes = shown.split_whitespace().any(|word| word.trim_end_matches(';') == "echo");
    assert!(echoes, "{shown}");
    assert_eq!(std::fs::read_to_string(stage.path().join("token")).unwrap(), "no-good-token");
}

#[test]
fn an_unattended_login_answers_for_a_code_and_survives_the_end_of_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let agent = Agent::start(folder.path(), &world(|u| u.totp_secret = Some(secret.into())), 1);
    let mut stage = Stage::new("unused");
    stage.write("pw", PASSWORD);
    stage.write("totp", secret);
    let login = "login: {username: me@example.com, password_file: pw, user_type: \
                 desktop_creative, totp_secret_file: totp}, ";
    stage.write("jobs.yaml", &job_file(agent.port, login));
    stage.start();
    let waited = stage.ask(&["trigger", "one", "--wait"]);
    assert!(waited.status.success(), "{}{}", words(&waited.stderr), stage.log_end());
    let status = stage.json(&["status", "--json"]);
    let token = &status["agent"]["token"];
    assert_eq!(token["valid"], true);
    assert!(token["expires_at"].is_string(), "{token}");
    assert_eq!(status["problems"], json!([]), "it renews its session by itself");
    // The agent forgets who was signed in, as when it is started anew.
    let fault = Fault::Unauthorized;
    let fault = PlannedFault { endpoint: Endpoint::List, fault, times: 1, skip: 0 };
    agent.post("/_sim/faults", &serde_json::to_value(fault).unwrap());
    let waited = stage.ask(&["trigger", "two", "--wait"]);
    assert!(waited.status.success(), "{}{}", words(&waited.stderr), stage.log_end());
}

#[test]
fn a_token_that_dies_holds_all_runs_is_told_of_once_and_they_go_on_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let mut stage = stage(&agent);
    stage.start();
    for job in ["one", "two"] {
        assert!(stage.ask(&["trigger", job]).status.success());
    }
    until("both wait for a token", PATIENCE, || {
        let status = stage.json(&["status", "--json"]);
        let waits = status["jobs"].as_array().unwrap().iter().all(|job| {
            let reason = job["active_run"]["reason"].as_str().unwrap_or_default();
            job["active_run"]["state"] == "waiting" && reason.contains("token")
        });
        (waits && status["agent"]["token"]["valid"] == false).then_some(())
    });
    let told = words(&stage.ask(&["status"]).stdout);
    assert!(told.contains("`transferd login` gets a new one"), "{told}");
    // The agent is started anew meanwhile, and knows the token no better.
    agent.kill();
    agent.rise();
    agent.post("/_sim/token", &json!({"token": "renewed"}));
    stage.write("token", "renewed");
    until("both have succeeded", PATIENCE, || {
        let runs = stage.history();
        (runs.len() == 2 && runs.iter().all(|run| run["state"] == "succeeded")).then_some(())
    });
    let attempts: Vec<_> =
        stage.history().iter().map(|run| run["attempts"].as_array().unwrap().len()).collect();
    assert_eq!(attempts, [1, 1], "a bad token uses up no attempt");
    let log = std::fs::read_to_string(stage.log_path()).unwrap();
    let said = log.lines().filter(|line| line.contains("no good token")).count();
    assert_eq!(said, 1, "{log}");
}

#[test]
fn an_agent_that_was_asked_without_a_token_is_shown_in_its_state_and_a_bare_token_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let mut stage = stage(&agent);
    std::fs::remove_file(stage.path().join("token")).unwrap();
    stage.start();
    assert!(stage.ask(&["trigger", "one"]).status.success());
    let shown = until("the run waits for a token", PATIENCE, || {
        let status = stage.json(&["status", "--json"]);
        let waits = status["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|job| job["active_run"]["reason_code"] == "waiting_token");
        waits.then(|| words(&stage.ask(&["status"]).stdout))
    });
    assert!(shown.contains("started, asked just now"), "{shown}");

    stage.write("token", "t0ken");
    let path = stage.path().join("token");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = || {
        let log = std::fs::read_to_string(stage.log_path()).unwrap();
        log.lines().filter(|line| line.contains("can be read by others")).count()
    };
    until("it is told of", PATIENCE, || (told() > 0).then_some(()));
    stage.ask(&["reload"]);
    assert_eq!(told(), 1, "once, however often the file is read");
}

#[test]
fn who_only_asks_for_the_status_is_told_what_to_do_about_a_bad_token() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let mut stage = stage(&agent);
    stage.start();
    let told = words(&stage.ask(&["status"]).stdout);
    assert!(told.contains("`transferd login` gets a new one"), "{told}");
}

#[test]
fn a_daemon_with_nothing_to_do_warns_of_its_token_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let mut stage = stage(&agent);
    let token = stage.path().join("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o604)).unwrap();
    stage.start();
    until("it warns", PATIENCE, || {
        let log = std::fs::read_to_string(stage.log_path()).unwrap();
        log.contains("can be read by others (mode 0604)").then_some(())
    });
    stage.kill();
    std::fs::remove_file(&token).unwrap();
    stage.start();
    until("it misses it", PATIENCE, || {
        let log = std::fs::read_to_string(stage.log_path()).unwrap();
        log.contains("there is no token yet").then_some(())
    });
}

#[test]
fn a_credential_serves_where_the_file_names_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    agent.post("/_sim/token", &json!({"token": "from-systemd"}));
    let mut stage = Stage::new("unused");
    stage.write("jobs.yaml", &job_file(agent.port, ""));
    let credentials = stage.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("token"), "from-systemd").unwrap();
    stage.environment.push(("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap().to_owned()));
    stage.start();
    let waited = stage.ask(&["trigger", "one", "--wait"]);
    assert!(waited.status.success(), "{}{}", words(&waited.stderr), stage.log_end());
    let log = std::fs::read_to_string(stage.log_path()).unwrap();
    assert!(!log.contains("read by others"), "{log}");
}

#[test]
fn no_token_travels_in_the_clear_to_another_host_unless_it_is_said() {
    let stage = Stage::new("t0ken");
    let far = |more: &str| {
        let text = job_file(1, &format!("{more}token_file: token, request_timeout: 50ms, "));
        // TEST-NET-1 (RFC 5737): nobody's.
        stage.write("jobs.yaml", &text.replace("127.0.0.1", "192.0.2.1"));
        stage.ask(&["check"])
    };
    let refused = far("");
    assert_eq!(refused.status.code(), Some(1));
    assert!(words(&refused.stderr).contains("allow_insecure"), "{}", words(&refused.stderr));
    assert!(far("allow_insecure: true, ").status.success());
    // Nor does an option lead it there.
    stage.write("jobs.yaml", &job_file(1, "token_file: token, "));
    let lured = stage.ask(&["login", "--url", "http://192.0.2.1:1"]);
    assert_eq!(lured.status.code(), Some(1));
    assert!(words(&lured.stderr).contains("allow_insecure"), "{}", words(&lured.stderr));
}

#[test]
fn a_wrong_password_of_an_unattended_login_is_not_tried_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let mut stage = Stage::new("unused");
    stage.write("pw", "wrong");
    let login = "login: {username: me@example.com, password_file: pw, user_type: \
                 desktop_creative}, ";
    stage.write("jobs.yaml", &job_file(agent.port, login));
    stage.start();
    assert!(stage.ask(&["trigger", "one"]).status.success());
    let logins = || {
        let seen = agent.get("/_sim/requests").to_string();
        seen.matches("authentication/login").count()
    };
    until("it waits", PATIENCE, || {
        let status = stage.json(&["status", "one", "--json"]);
        let reason = status["jobs"][0]["active_run"]["reason"].as_str().unwrap_or_default();
        reason.contains("login").then_some(())
    });
    let before = logins();
    for _ in 0..3 {
        assert!(stage.ask(&["status"]).status.success());
    }
    assert_eq!(logins(), before, "the account would be locked");
    assert_eq!(before, 1);
    stage.write("pw", PASSWORD);
    until("the right password is tried at once", PATIENCE, || {
        stage.history().iter().any(|run| run["state"] == "succeeded").then_some(())
    });
}

#[test]
fn a_command_that_is_interrupted_ends_the_session_of_its_login() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(|_| {}), 1);
    let stage = Stage::new("unused");
    stage.write("pw", PASSWORD);
    let login = "login: {username: me@example.com, password_file: pw, user_type: \
                 desktop_creative}, ";
    stage.write("jobs.yaml", &job_file(agent.port, login));
    let seen = |path: &str| agent.get("/_sim/requests").to_string().matches(path).count();
    let commands = [&["accounts"][..], &["check", "--online"], &["doctor"]];
    for (number, command) in commands.into_iter().enumerate() {
        let fault = Fault::StallBefore;
        let fault = PlannedFault { endpoint: Endpoint::Accounts, fault, times: 1, skip: 0 };
        agent.post("/_sim/faults", &serde_json::to_value(fault).unwrap());
        let asked = seen("/cloud/accounts");
        let output = stage.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = output.unwrap();
        until("it waits for accounts", PATIENCE, || {
            (seen("/cloud/accounts") > asked).then_some(())
        });
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{command:?}");
        assert_eq!(seen("/authentication/login"), number + 1, "{command:?}");
        assert_eq!(seen("/authentication/logout"), number + 1, "{command:?}");
    }
}
