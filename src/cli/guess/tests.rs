//! Lines that are not understood, each with the answer to it.

use super::*;

/// The message about a line that is not understood; none if it is.
fn said(line: &str) -> Option<Guess> {
    let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let error = program().try_get_matches_from(&typed).err()?;
    guess(&error, &typed)
}

fn hint(line: &str) -> String {
    said(line).unwrap_or_else(|| panic!("`{line}` is understood, or left to clap")).hint
}

#[test]
fn a_value_is_answered_with_those_that_there_are_and_no_absurd_one() {
    let hint = hint("transferd alert test --on suc");
    assert!(hint.starts_with("did you mean `succeeded`? Possible are `succeeded`, "), "{hint}");
    for line in [
        "transferd alert test --on nosuch",
        "transferd completions tcsh",
        "transferd status --log-level loud",
    ] {
        let guess = said(line).unwrap();
        assert!(guess.hint.starts_with("possible are `"), "{line}: {guess:?}");
    }
}

#[test]
fn a_job_file_is_named_by_its_option() {
    for name in ["run", "diff", "init", "doctor", "login"] {
        let hint = hint(&format!("transferd {name} other/new.yaml"));
        assert!(hint.ends_with(&format!("`transferd {name} -c other/new.yaml`")), "{hint}");
    }
    assert!(hint("transferd run nightly").contains("transferd trigger nightly"));
    let hint = hint("transferd reload other/new.yaml");
    assert!(hint.contains("`transferd diff -c other/new.yaml`"), "{hint}");
    assert!(!hint.contains("reload -c"), "the daemon reads its own: {hint}");
}

#[test]
fn words_from_elsewhere_lead_to_what_was_meant() {
    for (line, meant) in [
        ("transferd enable x", "transferd resume JOB"),
        ("transferd disable x", "transferd pause JOB"),
        ("transferd delete x", "the job file"),
        ("transferd run nightly-footage", "`transferd trigger nightly-footage`"),
        ("transferd check -f jobs.yaml", "`-c PATH`"),
        ("transferd history -f", "transferd events"),
        ("transferd status --verbose", "--log-level debug"),
        ("transferd history -o json", "--json"),
        ("transferd --verbose", "--log-level debug"),
        ("transferd watch", "status --watch"),
        ("transferd pause", "`transferd pause --all`"),
        ("transferd statsu", "did you mean `status`?"),
        ("transferd histroy", "did you mean `history`?"),
        ("transferd history --fialed", "did you mean `--failed`?"),
        ("transferd --json status", "behind the command: `transferd status --json`"),
        ("transferd --state-dir x --json ls", "`transferd status --json`"),
        ("transferd -n 5 history", "`transferd history -n`"),
        ("transferd --since=2d history", "`transferd history --since`"),
        ("transferd list-timers", "`transferd next`"),
        ("transferd daemon-reload", "`transferd reload`"),
        ("transferd is-active", "`transferd status`"),
        ("transferd crontab -l", "`transferd edit`"),
        ("transferd job run nightly", "`transferd show RUN`"),
        ("transferd snapshots", "`transferd history`"),
        ("transferd dashboard", "`transferd status --watch`"),
        ("transferd token", "`transferd login`"),
        ("transferd status -f", "--watch"),
        ("transferd status -A", "all are listed"),
        ("transferd status --version", "`transferd --version`"),
        ("transferd history --tail 5", "`-n N`"),
        ("transferd trigger --dry-run nightly", "`transferd rehearse`"),
        ("transferd reload --dry-run", "`transferd diff`"),
        ("transferd retry --force nightly", "`--again`"),
        ("transferd -e", "`transferd edit`"),
        ("transferd -l", "`transferd next`"),
        ("transferd stop", "`systemctl stop transferd`"),
        ("transferd start", "`systemctl start transferd`"),
        ("transferd retry", "`transferd retry --failed --since 1d`"),
        ("transferd why", "`transferd why JOB`"),
        ("transferd backfill nightly", "--dry-run"),
        ("transferd backup", "`transferd backup FILE`"),
        ("transferd hist", "did you mean `history`?"),
        ("transferd log nightly", "`transferd history`"),
        ("transferd exit", "`systemctl stop transferd`"),
        ("transferd run -d", "`transferd service install`"),
        ("transferd run --daemon", "`transferd service install`"),
        ("transferd pause nightly --for 2d", "`--until 2d`"),
        ("transferd status slow weekly", "`transferd next`"),
        ("transferd events -n 5", "`-n N`"),
        ("transferd logs --tail 3", "`transferd history`"),
        ("transferd service start", "`systemctl start transferd`"),
        ("transferd service restart", "`systemctl --user restart transferd`"),
        ("transferd service logs", "`journalctl -u transferd`"),
        ("transferd service instal", "`transferd service install`"),
        ("transferd service install --foo", "`transferd service install --help`"),
        ("transferd cron", "`transferd edit`"),
        ("transferd history -10", "`-n 10`"),
        ("transferd show --last", "`transferd history -n 1`"),
        ("transferd show -1", "`transferd history`"),
        ("transferd why nightly -1h", "`transferd why JOB 1h`"),
        ("transferd why nightly last night", "is quoted"),
        ("transferd login a@b.c", "`--username NAME`"),
        ("transferd login -u a@b.c", "`--username NAME`"),
        ("transferd status --log-level notice", "did you mean `info`?"),
        ("transferd status --log-level warning", "did you mean `warn`?"),
        ("transferd -c status", "`transferd -c PATH status`"),
        ("transferd -c", "write `--config PATH`"),
        ("transferd status --state-dir", "write `--state-dir DIR`"),
        ("transferd history -n x", "`transferd history --help`"),
        ("transferd show n*", "`transferd status` lists the jobs"),
    ] {
        assert!(hint(line).contains(meant), "{line}: {}", hint(line));
    }
}

#[test]
fn an_unfit_value_is_told_in_our_own_words() {
    for (line, message) in [
        ("transferd history -n 0", "`--limit N` can't be `0`: expected a number from 1 to "),
        ("transferd show n*", "`RUN|JOB` can't be `n*`: this takes one name and no glob"),
        ("transferd sim --port x", "`--port N` can't be `x`: a whole number is expected"),
        ("transferd service install --foo", "`service install` has no option `--foo`"),
        ("transferd history -10", "`history` has no option `-10`"),
        (
            "transferd retry --failed --since 1h slow",
            "`--failed` and `RUN|JOB` can't be given together",
        ),
    ] {
        let guess = said(line).unwrap();
        assert!(guess.message.starts_with(message), "{line}: {guess:?}");
    }
}

#[test]
fn an_ordinary_user_is_led_to_their_own_service() {
    let own = of_own_service("`systemctl stop transferd` stops the daemon");
    assert!(own.starts_with("`systemctl --user stop transferd` stops the daemon; "), "{own}");
    let log = of_own_service("the log is in the journal: `journalctl -u transferd`");
    assert!(log.contains("`journalctl --user -u transferd`"), "{log}");
    for other in ["`transferd next`", "`systemctl stop x`; `systemctl --user stop x`"] {
        assert_eq!(of_own_service(other), other);
    }
}

#[test]
fn help_that_is_asked_for_before_the_command_is_the_commands() {
    let behind = |line: &str| {
        let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let told = help_behind(&typed)?;
        Some(told.join(std::ffi::OsStr::new(" ")).into_string().unwrap())
    };
    assert_eq!(behind("transferd -h status"), Some("transferd status -h".to_owned()));
    assert_eq!(behind("transferd --help ls"), Some("transferd ls --help".to_owned()));
    assert_eq!(behind("transferd -h"), None);
    assert_eq!(behind("transferd -h nonsense"), None);
}

#[test]
fn a_word_that_is_far_from_all_gets_no_suggestion() {
    for word in [
        "frobnicate",
        "zz",
        "halt",
        "qwerty",
        "stopwatch-now",
        "about",
        "unit",
        "exit",
        "rename",
        "rescue",
        "rest",
    ] {
        let hint = hint(&format!("transferd {word}"));
        assert!(!hint.contains("did you mean"), "{word}: {hint}");
    }
}

#[test]
fn words_that_mean_the_same_everywhere_are_understood() {
    for (line, command) in [
        ("transferd list", "status"),
        ("transferd ls", "status"),
        ("transferd ps", "status"),
        ("transferd jobs", "status"),
        ("transferd validate", "check"),
        ("transferd test", "check"),
        ("transferd check jobs.yaml", "check"),
        ("transferd logs", "events"),
        ("transferd tail nightly", "events"),
        ("transferd events -f", "events"),
        ("transferd describe nightly", "show"),
        ("transferd start nightly", "trigger"),
        ("transferd trigger nightly -w", "trigger"),
        ("transferd stop nightly", "cancel"),
        ("transferd kill nightly", "cancel"),
        ("transferd version", "version"),
        ("transferd status -w", "status"),
        ("transferd history --last 5", "history"),
        ("transferd history --job nightly", "history"),
        ("transferd next --job nightly", "next"),
    ] {
        let parsed = program().try_get_matches_from(line.split(' '));
        let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(parsed.subcommand_name(), Some(command), "{line}");
    }
}
