//! `completions`: scripts for shells, from the same source as `--help`, which also complete job
//! names and the ids of runs.
//!
//! The scripts ask `transferd completions --jobs` for the names (with `--runs` for ids too, with
//! `--active` for runs that can be canceled). They pass on the global options of the line being
//! typed, so that the names are those of the daemon, or of the job file, that the line is about.
//! Which commands take names is read from the command line's own definition.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Args as ClapArgs, Command, ValueHint};
use clap_complete::Shell;

use super::ask::{Daemon, done, hint, say};
use super::places::Places;
use super::program::program;
use super::{Exit, Global, jobfile, offline, render};
use crate::config;
use crate::control::document::RunDocument;
use crate::control::request::{HistoryQuery, StatusQuery};
use crate::core::job::JobSet;
use crate::core::run::RunState;

/// The number of runs offered: as many as a screen shows.
const RUNS: usize = 20;

/// Options of `transferd completions`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The shell [default: that of `$SHELL`]
    #[arg(value_enum)]
    shell: Option<Shell>,
    /// Print the names of the jobs, for the scripts
    #[arg(long, hide = true)]
    jobs: bool,
    /// Also print the beginnings of the newest runs' ids
    #[arg(long, hide = true, requires = "jobs")]
    runs: bool,
    /// Only jobs with a run that is not over, and the beginnings of such runs' ids
    #[arg(long, hide = true, requires = "jobs")]
    active: bool,
}

/// Carries out `completions`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if args.jobs {
        let mut names = if args.active { active(global) } else { job_names(global) };
        if args.runs {
            names.extend(render::run::short_ids(&runs(global, HistoryQuery::default())));
        }
        return done(writeln!(out, "{}", names.join("\n")), Exit::Done);
    }
    let Some(shell) = args.shell.or_else(Shell::from_env) else {
        say(err, "for which shell? `$SHELL` names none that is known");
        hint(err, "`transferd completions bash`; `transferd completions --help` lists them");
        return Exit::Usage;
    };
    done(out.write_all(&script(shell)), Exit::Done)
}

/// The script for a shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut with_values(program()), "transferd", &mut script);
    // zsh runs the whole file at the first completion of a shell, and clap's last lines would
    // answer it without jobs: ours do the same, with them.
    let tail = script.windows(ZSH_TAIL.len()).position(|part| part == ZSH_TAIL.as_bytes());
    if let Some(tail) = tail.filter(|_| shell == Shell::Zsh) {
        script.truncate(tail);
    }
    let between = if shell == Shell::Fish { " " } else { "|" };
    let Words { commands, several, runs, active, job_options, options } = Words::of(&program());
    let jobs = with_jobs(shell)
        .replace("@COMMANDS@", &commands.join(between))
        .replace("@SEVERAL@", &several.join(between))
        .replace("@RUN_COMMANDS@", &runs.join(between))
        .replace("@ACTIVE_COMMANDS@", &active.join(between))
        .replace("@JOB_OPTIONS@", &job_options.join(between))
        .replace("@OPTIONS@", &options.join(between));
    script.extend_from_slice(jobs.as_bytes());
    script
}

/// The program, with the values that are offered: shells offer files where nothing is said, also for
/// a time.
fn with_values(program: Command) -> Command {
    let pages: Vec<String> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .chain(["jobs".to_owned()])
        .collect();
    program.mut_subcommands(|command| {
        let values = match command.get_name() {
            "explain" => super::explain::words(),
            "man" => pages.clone(),
            _ => Vec::new(),
        };
        command.mut_args(|argument| {
            if argument.is_positional() && !values.is_empty() {
                return argument.value_parser(PossibleValuesParser::new(values.clone()));
            }
            let is_file = ["FILE", "DIR", "PATH"].iter().any(|word| is_named(&argument, word));
            let is_unsaid = argument.get_value_hint() == ValueHint::Unknown;
            let takes_value = argument.get_action().takes_values() && !argument.is_positional();
            if takes_value && is_unsaid && !is_file {
                argument.value_hint(ValueHint::Other)
            } else {
                argument
            }
        })
    })
}

/// Facts about the command line that the scripts need to find the position of a job.
#[derive(Default)]
struct Words {
    /// The commands whose first argument is a job, by all their names.
    commands: Vec<String>,
    /// Those of them that accept several.
    several: Vec<String>,
    /// Those of them that accept a run as well.
    runs: Vec<String>,
    /// Those of the commands that accept only jobs and runs that are active.
    active: Vec<String>,
    /// The options whose value is a job.
    job_options: Vec<String>,
    /// The options whose value is anything else, except those that name a daemon.
    options: Vec<String>,
}

impl Words {
    fn of(program: &Command) -> Self {
        let mut words = Self::default();
        words.take(program.get_arguments());
        for command in program.get_subcommands() {
            words.take(command.get_arguments());
            let Some(first) = command.get_positionals().next().filter(|first| is_job(first)) else {
                continue;
            };
            let names = || std::iter::once(command.get_name()).chain(command.get_all_aliases());
            let names = || names().map(str::to_owned);
            words.commands.extend(names());
            if matches!(first.get_action(), ArgAction::Append) {
                words.several.extend(names());
            }
            if command.get_name() == "cancel" {
                words.active.extend(names());
            } else if is_named(first, "RUN") {
                words.runs.extend(names());
            }
        }
        for list in [&mut words.job_options, &mut words.options] {
            list.sort();
            list.dedup();
        }
        words
    }

    fn take<'a>(&mut self, options: impl Iterator<Item = &'a Arg>) {
        let with_values = options.filter(|option| {
            let names_a_daemon = matches!(option.get_id().as_str(), "config" | "state_dir");
            !option.is_positional() && option.get_action().takes_values() && !names_a_daemon
        });
        for option in with_values {
            let list = if is_job(option) { &mut self.job_options } else { &mut self.options };
            list.extend(option.get_short().map(|short| format!("-{short}")));
            list.extend(option.get_long().map(|long| format!("--{long}")));
        }
    }
}

/// Whether an argument is the name of a job, or may be.
fn is_job(argument: &Arg) -> bool {
    argument.get_id() == "job" || is_named(argument, "JOB")
}

/// Whether an argument has this value name, possibly among others.
fn is_named(argument: &Arg, word: &str) -> bool {
    let named = argument.get_value_names().and_then(|names| names.first());
    named.is_some_and(|name| name.split('|').any(|name| name == word))
}

/// The daemon's jobs; of one that hangs those that it had last; without a daemon those of the job
/// file; none if none is available, as nobody reads an error between two key strokes.
fn job_names(global: &Global) -> Vec<String> {
    if let Ok(daemon) = Daemon::find(global) {
        // The agent is not needed for this, and may be the one thing that does not answer.
        let query = StatusQuery { known: true, ..StatusQuery::default() };
        match at_once(&daemon, daemon.client().status(&query)) {
            Some(Ok(status)) => {
                return status.jobs.into_iter().map(|job| job.name.to_string()).collect();
            }
            Some(Err(_)) => {}
            None => {
                let names = |set: Arc<JobSet>| set.jobs.keys().map(ToString::to_string).collect();
                return offline::jobs(global).map(names).unwrap_or_default();
            }
        }
    }
    let Ok(path) = Places::here(global).config() else { return Vec::new() };
    match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => loaded.content.set.jobs.keys().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    }
}

/// Everything that can be canceled: jobs with an unfinished run, and the beginnings of such runs'
/// ids.
fn active(global: &Global) -> Vec<String> {
    let states = RunState::ALL.into_iter().filter(|state| !state.is_over()).collect();
    let runs = runs(global, HistoryQuery { states, ..HistoryQuery::default() });
    let mut names: Vec<_> = runs.iter().map(|run| run.job.to_string()).collect();
    names.sort();
    names.dedup();
    names.extend(render::run::short_ids(&runs));
    names
}

/// How long the shell stands still for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The newest runs, from the daemon or the database; none if neither is available.
fn runs(global: &Global, query: HistoryQuery) -> Vec<RunDocument> {
    let query = HistoryQuery { limit: Some(RUNS), ..query };
    let asked = match Daemon::find(global) {
        Ok(daemon) => at_once(&daemon, daemon.client().history(&query)),
        Err(_) => None,
    };
    let runs = match asked {
        Some(answer) => answer.ok(),
        None => offline::history(global, &query).ok(),
    };
    runs.unwrap_or_default()
}

/// The daemon's answer, if it comes before somebody who waits for it presses the key again.
fn at_once<T>(daemon: &Daemon, answer: impl Future<Output = T>) -> Option<T> {
    daemon.wait(async { tokio::time::timeout(PATIENCE, answer).await.ok() })
}

/// The script that makes a shell offer job names too.
fn with_jobs(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Fish => FISH,
        Shell::Zsh => ZSH,
        // clap's list may grow; a shell without job names still completes everything else.
        _ => "",
    }
}

const BASH: &str = r#"
_transferd_with_jobs() {
    _transferd "$@"
    local current="${COMP_WORDS[COMP_CWORD]}" command="" taken=0 i
    local -a options=() runs=() typed_before=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            -c|--config|--state-dir)
                local option="${COMP_WORDS[i]}"
                # Before a value, `=` is a word of its own here.
                [[ ${COMP_WORDS[i + 1]} == "=" ]] && ((i++))
                options+=("${option}" "${COMP_WORDS[i + 1]}"); ((i++)) ;;
            -c?*|--system|--user) options+=("${COMP_WORDS[i]}") ;;
            @OPTIONS@)
                [[ ${COMP_WORDS[i + 1]} == "=" ]] && ((i++))
                ((i++)) ;;
            -*) ;;
            *)
                if [[ -z ${command} ]]; then
                    command="${COMP_WORDS[i]}"
                else
                    taken=1
                    typed_before+=("${COMP_WORDS[i]}")
                fi ;;
        esac
    done
    case "${command}" in @SEVERAL@) taken=0 ;; esac
    case "${command}" in @RUN_COMMANDS@) runs=(--runs) ;; @ACTIVE_COMMANDS@) runs=(--active) ;; esac
    # A value that belongs to an option is no job, but for the doctor's.
    local previous="${COMP_WORDS[COMP_CWORD - 1]}"
    if [[ ${current} == "=" ]]; then
        current=""
    elif [[ ${previous} == "=" ]]; then
        previous="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    case "${previous}" in
        @JOB_OPTIONS@) ;;
        -c|--config|--state-dir|@OPTIONS@) return ;;
        *)
            [[ ${current} == -* || ${taken} -eq 1 ]] && return
            case "${command}" in
                @COMMANDS@) ;;
                *) return ;;
            esac ;;
    esac
    # A name is data: it is never expanded, and is offered as it must be typed.
    local name typed before
    local -a names=()
    mapfile -t names < <(transferd "${options[@]}" completions --jobs "${runs[@]}" 2>/dev/null)
    COMPREPLY=()
    for name in "${names[@]}"; do
        [[ -n ${name} ]] || continue
        printf -v typed '%q' "${name}"
        # What stands on the line already is not offered again.
        for before in "${typed_before[@]}"; do
            [[ ${before} == "${name}" || ${before} == "${typed}" ]] && continue 2
        done
        if [[ ${name} == "${current}"* || ${typed} == "${current}"* ]]; then
            COMPREPLY+=("${typed}")
        fi
    done
}
complete -F _transferd_with_jobs -o bashdefault -o default transferd
"#;

const FISH: &str = r#"
function __transferd_jobs
    set -l options
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        switch $words[$i]
            case -c --config --state-dir
                set -a options $words[$i] $words[(math $i + 1)]
            case '-c*' '--config=*' '--state-dir=*' --system --user
                set -a options $words[$i]
        end
    end
    transferd $options completions --jobs $argv 2>/dev/null
end
complete -c transferd -n "__fish_seen_subcommand_from @COMMANDS@; and not __fish_seen_subcommand_from @ACTIVE_COMMANDS@" -f -a "(__transferd_jobs)"
complete -c transferd -n "__fish_seen_subcommand_from @ACTIVE_COMMANDS@" -f -a "(__transferd_jobs --active)"
complete -c transferd -n "__fish_seen_subcommand_from @RUN_COMMANDS@" -f -a "(__transferd_jobs --runs)"
complete -c transferd -n "__fish_seen_subcommand_from doctor" -l transfer -x -a "(__transferd_jobs)"
"#;

const ZSH: &str = r#"
_transferd_with_jobs() {
    local command="" taken=0 word
    local -a options=() runs=()
    local -i i
    for ((i = 2; i < CURRENT; i++)); do
        word="${words[i]}"
        case "${word}" in
            -c|--config|--state-dir) options+=("${word}" "${words[i + 1]}"); ((i++)) ;;
            -c?*|--config=*|--state-dir=*|--system|--user) options+=("${word}") ;;
            @OPTIONS@) ((i++)) ;;
            -*) ;;
            *) if [[ -z ${command} ]]; then command="${word}"; else taken=1; fi ;;
        esac
    done
    case "${command}" in @SEVERAL@) taken=0 ;; esac
    case "${command}" in @RUN_COMMANDS@) runs=(--runs) ;; @ACTIVE_COMMANDS@) runs=(--active) ;; esac
    local offer=0
    case "${words[CURRENT - 1]}" in
        @JOB_OPTIONS@) offer=1 ;;
        -c|--config|--state-dir|@OPTIONS@) ;;
        *)
            case "${command}" in
                @COMMANDS@)
                    [[ "${words[CURRENT]}" != -* && ${taken} -eq 0 ]] && offer=1 ;;
            esac ;;
    esac
    if (( offer )); then
        compadd -- ${(f)"$(transferd "${options[@]}" completions --jobs "${runs[@]}" 2>/dev/null)"}
        return
    fi
    _transferd "$@"
}
compdef _transferd_with_jobs transferd
# The first completion of a shell that has found this file by itself.
if [ "$funcstack[1]" = "_transferd" ]; then
    _transferd_with_jobs "$@"
fi
"#;

/// The beginning of clap's last lines in its script for zsh.
const ZSH_TAIL: &str = "if [ \"$funcstack[1]\" = \"_transferd\" ]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_know_where_a_job_stands() {
        let Words { commands, several, runs, active, job_options, options } = Words::of(&program());
        let has = |list: &[String], word: &str| list.iter().any(|known| known == word);
        for command in [
            "status", "history", "next", "trigger", "start", "cancel", "pause", "resume", "why",
            "retry", "backfill", "events", "show",
        ] {
            assert!(has(&commands, command), "no `{command}`: {commands:?}");
        }
        for command in ["trigger", "start", "retry", "pause", "history", "events", "cancel"] {
            assert!(has(&several, command), "only one for `{command}`: {several:?}");
        }
        assert!(!has(&several, "why") && !has(&several, "backfill"), "{several:?}");
        assert!(has(&runs, "show") && has(&runs, "retry") && !has(&runs, "trigger"), "{runs:?}");
        assert!(has(&active, "cancel") && !has(&runs, "cancel"), "{active:?} {runs:?}");
        assert!(!commands.iter().any(|command| command == "man"), "a command is not a job");
        assert_eq!(job_options, ["--job", "--transfer"]);
        assert!(options.iter().any(|option| option == "--log-level"), "{options:?}");
        assert!(!options.iter().any(|option| option == "--wait"), "{options:?}");
    }

    #[test]
    fn each_script_is_filled_in() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(script.contains("completions --jobs"), "{shell}");
            assert!(!script.contains("@COMMANDS@") && !script.contains("OPTIONS@"), "{shell}");
            assert!(!script.contains("@SEVERAL@") && !script.contains("@RUN_"), "{shell}");
            assert!(!script.contains("@ACTIVE_"), "{shell}");
            assert!(script.contains("no_date_header"), "{shell}: the values of `--variant`");
            // fish is offered no values of arguments without an option.
            let has_keys = shell == Shell::Fish || script.contains("jobs.overlap");
            assert!(has_keys, "{shell}: the keys of `explain`");
            let first = script.matches(ZSH_TAIL).count();
            assert_eq!(first, usize::from(shell == Shell::Zsh), "{shell}: the first completion");
            // Each command and option that people may see, clap's own included.
            let program = program();
            for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
                let options = command.get_arguments().filter(|option| !option.is_hide_set());
                let longs = options.filter_map(Arg::get_long);
                for word in longs.chain([command.get_name()]) {
                    assert!(script.contains(word), "{shell}: no `{word}` of `{command}`");
                }
            }
        }
    }
}
