//! Words and options of other programs, each with what to type here instead.
//!
//! Does not know how they are looked up; that is in `guess`.

/// Words from elsewhere that are not commands here, and what to do instead.
pub(super) const WORDS: &[(&[&str], &str)] = &[
    (
        &["enable", "unpause", "unsuspend", "unmask"],
        "`transferd resume JOB` ends a pause; `enabled: false` is ended in the job file \
         (`transferd edit`)",
    ),
    (
        &["disable", "suspend", "mask", "hold"],
        "`transferd pause JOB` stops its scheduling for a while; for good, write \
         `enabled: false` in the job file (`transferd edit`)",
    ),
    (
        &["delete", "del", "remove", "rm"],
        "take the job out of the job file (`transferd edit`); `transferd cancel RUN` ends a run",
    ),
    (
        &[
            "add", "create", "new", "rename", "apply", "set", "config", "cron", "crontab", "copy",
            "sync", "move", "patch", "replace", "rollout",
        ],
        "jobs are defined in the job file: `transferd edit`, then `transferd check`",
    ),
    (
        &[
            "get",
            "info",
            "top",
            "inspect",
            "stats",
            "stat",
            "job",
            "cat",
            "view",
            "is-active",
            "is-failed",
        ],
        "`transferd status` shows all jobs, `transferd status JOB` one, `transferd show RUN` a run",
    ),
    (
        &["restart"],
        "`transferd trigger JOB` runs a job again; `systemctl restart transferd` is for the daemon",
    ),
    (
        &["install", "uninstall"],
        "`transferd service install` puts the service in place, `transferd service uninstall` takes \
         it away",
    ),
    (&["exec", "execute", "submit", "queue", "transfer"], "`transferd trigger JOB` runs a job now"),
    (
        &["daemon-reload", "refresh", "reread"],
        "`transferd reload` reads the job file now; a running daemon takes each good change anyway",
    ),
    (
        &["repeat", "redo", "replay"],
        "`transferd retry JOB` repeats its last run, `transferd trigger JOB` runs it anew",
    ),
    (
        &["skip"],
        "`transferd pause JOB --until T` leaves out what is due until then; `transferd cancel JOB` \
         ends what runs",
    ),
    (&["reset-failed"], "`transferd retry --failed --since 1d` repeats what has failed"),
    (
        &["wait"],
        "`transferd trigger JOB --wait` and `transferd retry JOB --wait` wait for the run's end",
    ),
    (
        &["snapshots", "runs", "last", "results", "report"],
        "`transferd history` lists past runs, `transferd show RUN` shows one",
    ),
    (
        &["forget", "prune", "purge", "clean", "cleanup", "vacuum"],
        "old runs are forgotten as `history:` in the job file says: `transferd explain history`",
    ),
    (
        &["restore", "export", "import", "migrate"],
        "`transferd backup FILE` copies the state; it is restored by putting the file in its place \
         while the daemon is stopped (docs/operations.md)",
    ),
    (
        &["upgrade", "update", "self-update"],
        "install the new program and restart the daemon: it takes the state over \
         (docs/operations.md)",
    ),
    (
        &["token", "logout", "whoami"],
        "`transferd login` writes a new token, `transferd check --online` says whose it is; without \
         the token file nobody is signed in",
    ),
    (
        &["ping", "health", "healthcheck"],
        "`transferd status` asks the daemon and the agent; `listen:` in the job file serves \
         `/healthz`",
    ),
    (
        &["ui", "tui", "web", "dashboard", "open", "metrics"],
        "`transferd status --watch` is the view in the terminal; `listen:` in the job file serves a \
         page and metrics (`transferd explain listen`)",
    ),
    (&["up", "daemon", "serve", "server"], "`transferd run` is the daemon, in the foreground"),
    (&["down", "quit", "exit", "shutdown"], "`systemctl stop transferd` stops the daemon"),
    (
        &["log", "journal", "journalctl", "follow"],
        "`transferd events` follows what happens, `transferd history` lists past runs; the daemon's \
         own log is in the journal: `journalctl -u transferd`",
    ),
    (
        &["about", "release"],
        "`transferd --version` prints the version, `transferd --help` lists the commands",
    ),
    (
        &["unit", "systemd"],
        "`transferd service status` says what is installed, `systemctl status transferd` how it is",
    ),
    (
        &["watch", "live"],
        "`transferd status --watch` shows it live, `transferd events` line by line",
    ),
    (&["timers", "list-timers", "upcoming", "schedule"], "`transferd next` lists what is coming"),
    (&["signin", "auth"], "`transferd login` signs in and writes the token file"),
    (&["simulate", "plan", "dry-run"], "`transferd rehearse` plays the job file in virtual time"),
];

/// Options from elsewhere: what to type instead, for the named commands, or for all.
pub(super) const OPTIONS: &[(&[&str], &[&str], &str)] = &[
    (
        &["login"],
        &["--token", "--password"],
        "no secret stands on a command line: `transferd login` asks for the password; a token that \
         you have goes into the file that `agent.token_file` names",
    ),
    (
        &["login"],
        &["-u", "--user-name"],
        "it asks for the user name, or `--username NAME` gives it",
    ),
    (
        &["show"],
        &["--last", "--latest", "-n"],
        "`transferd show JOB` shows a job's last run, `transferd history -n 1` the newest of all",
    ),
    (&["backup"], &["-o", "--output"], "`transferd backup FILE` names the file"),
    (&["history"], &["--from", "--after"], "`--since T` lists the runs since then"),
    (&["history"], &["--to", "--before"], "`--until T` lists the runs until then"),
    (&["trigger"], &["--at"], "`--for TIME` runs it for that scheduled time, now"),
    (
        &["retry"],
        &["--for", "--at"],
        "a retry has the time of the run that it repeats; `transferd trigger JOB --for TIME` is for \
         another",
    ),
    (&["retry"], &["--all"], "`transferd retry --failed --since 1d` repeats all that have failed"),
    (&[], &["--no-color", "--no-colour"], "`--color never` paints nothing"),
    (
        &["next", "history"],
        &["-w", "--watch"],
        "`transferd status --watch` shows it live, `transferd events` line by line",
    ),
    (
        &["status"],
        &["-f", "--follow"],
        "`transferd status --watch` shows it live, `transferd events` line by line",
    ),
    (
        &["trigger", "retry"],
        &["-f", "--force"],
        "`--again` repeats what has succeeded; nothing else is asked about",
    ),
    (
        &["run"],
        &["-d", "--daemon", "--daemonize", "--detach", "--background", "-b"],
        "it stays in the foreground; `transferd service install` lets systemd run it",
    ),
    (
        &["pause"],
        &["--for", "--duration", "-d"],
        "`--until 2d` ends the pause in two days, `--until 02:30` at the next 02:30",
    ),
    (
        &["events"],
        &["-n", "--tail", "--lines", "--number", "--until", "--failed"],
        "it prints what happens from now on; `transferd history` lists past runs, `-n N` the newest N",
    ),
    (
        &["reload"],
        &["--force", "-f"],
        "a reload takes each valid file, and never one with an error",
    ),
    (
        &["trigger", "retry", "cancel", "pause", "resume", "run", "rehearse", "check", "edit"],
        &["-n", "--dry-run"],
        "`transferd rehearse` plays the job file and changes nothing; `backfill` has `--dry-run`",
    ),
    (&["reload"], &["-n", "--dry-run"], "`transferd diff` shows what a reload would change"),
    (&["history"], &["--tail", "--lines", "--count", "--head"], "`-n N` lists the newest N runs"),
    (&["history"], &["-l", "--long", "--wide"], "`transferd show RUN` has all of a run"),
    (&[], &["-l", "--list"], "`transferd status` and `transferd next` list the jobs"),
    (&[], &["-e", "--edit"], "`transferd edit` opens the job file"),
    (&[], &["--version", "-V"], "`transferd --version` prints it"),
    (&["history", "show"], &["-f", "--follow"], "`transferd events` follows what happens"),
    (&[], &["-f", "--file", "--filename"], "the job file is named by `-c PATH`"),
    (&["cancel", "trigger"], &["--all"], "name the jobs, or write `'*'`"),
    (
        &["status", "next", "history", "show"],
        &["--all", "-a", "-A", "--all-namespaces"],
        "without a job, all are listed",
    ),
    (
        &[],
        &["-v", "--verbose", "--debug", "-d"],
        "`--log-level debug` logs more, for `run`, `demo` and `rehearse`",
    ),
    (&[], &["-q", "--quiet"], "`--log-level error` logs less; results are never left out"),
    (&[], &["-o", "--output", "--format"], "`--json` prints JSON"),
    (&["trigger"], &["--follow"], "`--wait` waits for the run's end"),
    (&["history", "next"], &["--days"], "`--since 7d` (history) and `--until 7d` (next) do that"),
];

/// Values from elsewhere, each with the one here that means the same.
pub(super) const VALUES: &[(&[&str], &str)] = &[
    (&["notice", "information", "informational", "normal"], "info"),
    (&["warning", "warnings"], "warn"),
    (&["err", "critical", "crit", "fatal", "alert", "quiet"], "error"),
    (&["verbose"], "debug"),
    (&["all"], "trace"),
    (&["yes", "true", "on"], "always"),
    (&["no", "none", "false", "off"], "never"),
];

/// Words below `service` that are systemd's business; `@` stands for the word.
pub(super) const OF_SYSTEMD: &[(&[&str], &str)] = &[
    (
        &["start", "stop", "restart", "enable", "disable", "is-active", "show", "cat"],
        "`systemctl @ transferd`; for your own service `systemctl --user @ transferd`",
    ),
    (
        &["log", "logs", "journal", "tail"],
        "`journalctl -u transferd`; for your own service `journalctl --user -u transferd`",
    ),
    (&["reload"], "`transferd reload` reads the job file now"),
    (&["run"], "`transferd run` is the daemon, in the foreground"),
    (&["remove", "delete", "rm"], "`transferd service uninstall` takes it away"),
    (&["update", "upgrade"], "`transferd service install` once more: it replaces what has changed"),
];
