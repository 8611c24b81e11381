//! Examples for each command's help and manual page. A test parses all of them.

/// A command line, and its effect.
#[derive(Debug)]
pub(super) struct Example {
    /// The line as typed.
    pub(super) line: &'static str,
    /// The effect in a few words.
    pub(super) does: &'static str,
}

const fn example(line: &'static str, does: &'static str) -> Example {
    Example { line, does }
}

/// The examples by command.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "run",
        &[
            example("transferd run", "with the job file in its usual place"),
            example("transferd run -c jobs.yaml --state-dir state", "with files of its own"),
        ],
    ),
    (
        "check",
        &[
            example("transferd check", "the job file that the daemon would read"),
            example("transferd check jobs.yaml", "this one"),
            example("transferd check --online", "ask the agent about accounts and buckets too"),
        ],
    ),
    (
        "next",
        &[
            example("transferd next", "each job's next run"),
            example("transferd next nightly-footage -n 5", "one job's next five"),
            example("transferd next --until 7d", "all that is due within a week"),
        ],
    ),
    (
        "retry",
        &[
            example("transferd retry nightly-footage", "its last run, to the same places"),
            example("transferd retry --failed --since 12h", "all that failed last night"),
        ],
    ),
    (
        "backfill",
        &[example(
            "transferd backfill nightly-footage --from 2026-11-20 --to 2026-11-25 --dry-run",
            "what would be run for those days",
        )],
    ),
    ("diff", &[example("transferd diff -c new.yaml", "what new.yaml would change")]),
    (
        "rehearse",
        &[
            example("transferd rehearse --days 7", "a week of the job file, in virtual time"),
            example("transferd rehearse --expect nights.yaml", "is it still as it is meant to be?"),
        ],
    ),
    ("schema", &[example("transferd schema", "for the editor's YAML plugin")]),
    ("init", &[example("transferd init -c jobs.yaml", "write a first job file here")]),
    (
        "status",
        &[
            example("transferd status", "everything at a glance"),
            example("transferd status nightly-footage", "everything about one job"),
            example("transferd status -w", "stay and follow"),
        ],
    ),
    (
        "history",
        &[
            example("transferd history", "the last 20 runs"),
            example("transferd history --failed --since 7d", "what failed in a week"),
            example("transferd history nightly-footage --since yesterday", "one job's runs"),
        ],
    ),
    (
        "show",
        &[
            example("transferd show", "the last run that failed"),
            example("transferd show nightly-footage", "a job's last run"),
            example("transferd show 6d0f6b0e", "a run, by the start of its id"),
        ],
    ),
    (
        "why",
        &[
            example("transferd why nightly-footage", "now, or at its last occurrence"),
            example("transferd why nightly-footage 02:30", "the last 02:30"),
            example("transferd why nightly-footage \"yesterday 02:30\"", "yesterday's"),
        ],
    ),
    (
        "events",
        &[
            example("transferd events", "follow what happens"),
            example("transferd events nightly-footage --json", "an object a line, for scripts"),
        ],
    ),
    ("explain", &[example("transferd explain job.overlap", "what `overlap` of a job means")]),
    ("edit", &[example("transferd edit", "the daemon's job file, checked before it is replaced")]),
    (
        "trigger",
        &[
            example("transferd trigger nightly-footage", "run it now"),
            example("transferd trigger nightly-footage -w", "and wait for its end"),
        ],
    ),
    (
        "cancel",
        &[
            example("transferd cancel nightly-footage", "the runs of a job that are not over"),
            example("transferd cancel 6d0f6b0e", "one run"),
        ],
    ),
    (
        "pause",
        &[
            example("transferd pause nightly-footage --until 2d", "for two days"),
            example(
                "transferd pause nightly-footage --until tomorrow --reason \"bucket moves\"",
                "until the end of tomorrow",
            ),
        ],
    ),
    ("resume", &[example("transferd resume nightly-footage", "schedule it again")]),
    ("reload", &[example("transferd reload", "read the job file now")]),
    ("accounts", &[example("transferd accounts", "names and ids for the job file")]),
    ("login", &[example("transferd login", "ask for user and password, write the token file")]),
    (
        "doctor",
        &[
            example("transferd doctor", "check the agent, changing nothing"),
            example("transferd doctor --transfer nightly-footage", "and watch a transfer"),
            example("transferd doctor --bundle report.tar", "what a bug report needs, no secrets"),
        ],
    ),
    (
        "backup",
        &[example("transferd backup transferd-2026-11-27.db", "while the daemon runs, too")],
    ),
    (
        "service",
        &[
            example("transferd service install --print", "what would be put where"),
            example("transferd service install --user", "a service of your own"),
            example("transferd service uninstall", "jobs and state stay"),
        ],
    ),
    ("desktop", &[example("transferd desktop", "until Ctrl-C; as a unit: transferd-desktop")]),
    ("demo", &[example("transferd demo --for 20s", "a show of 20 seconds")]),
    (
        "alert",
        &[
            example("transferd alert test", "a test alert through each entry of the job file"),
            example("transferd alert test --on failed", "only through those that report failures"),
        ],
    ),
    (
        "alert test",
        &[
            example("transferd alert test", "through each entry of the job file"),
            example("transferd alert test --on failed", "only through those that report failures"),
        ],
    ),
    (
        "service install",
        &[
            example("transferd service install --print", "show each step first"),
            example("transferd service install", "the system's service"),
            example("transferd service install --user", "your own service"),
        ],
    ),
    (
        "service uninstall",
        &[example("transferd service uninstall --print", "show each step first")],
    ),
    (
        "service status",
        &[example("transferd service status --user", "is your own service up to date?")],
    ),
    ("sim", &[example("transferd sim --port 29123", "an agent to try things on")]),
    ("completions", &[example("transferd completions bash", "a script for bash")]),
];

/// The examples of a command.
pub(super) fn of(command: &str) -> Option<&'static [Example]> {
    EXAMPLES.iter().find(|(name, _)| *name == command).map(|(_, examples)| *examples)
}

#[cfg(test)]
mod tests {
    use super::super::program::program;
    use super::*;

    /// Splits words like a shell, for lines with nothing but blanks and double quotes.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }

    #[test]
    fn each_example_is_understood() {
        for (command, examples) in EXAMPLES {
            assert!(!examples.is_empty(), "{command}");
            for example in *examples {
                let parsed = program().try_get_matches_from(words(example.line));
                let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", example.line));
                let command = command.split(' ').next();
                assert_eq!(parsed.subcommand_name(), command, "{}", example.line);
            }
        }
    }

    #[test]
    fn each_command_for_daily_use_has_an_example() {
        for command in program().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            let needs_none = ["man", "help"].contains(&name);
            assert!(needs_none || of(name).is_some(), "no example of `{name}`");
            for below in command.get_subcommands() {
                let name = format!("{name} {}", below.get_name());
                assert!(of(&name).is_some(), "no example of `{name}`");
            }
        }
    }
}
