//! `completions`: scripts for shells, from the same source as `--help`, job names included.
//!
//! The scripts ask `transferd completions --jobs` for the names, with the global options of the
//! line that is being typed, so that they are those of the daemon, or of the job file, that the
//! line is about.

use std::io::Write;

use clap::{Arg, Args as ClapArgs, Command};
use clap_complete::Shell;

use super::ask::{Daemon, done};
use super::places::Places;
use super::program::program;
use super::{Exit, Global, jobfile};
use crate::config;
use crate::control::request::StatusQuery;

/// What may be typed after `completions`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The shell
    #[arg(value_enum, required_unless_present = "jobs")]
    shell: Option<Shell>,
    /// Print the names of the jobs, for the scripts
    #[arg(long, hide = true)]
    jobs: bool,
}

/// Carries out `completions`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, _err: &mut dyn Write) -> Exit {
    let Some(shell) = args.shell else {
        let names = job_names(global).join("\n");
        return done(writeln!(out, "{names}"), Exit::Done);
    };
    done(out.write_all(&script(shell)), Exit::Done)
}

/// The script for a shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program(), "transferd", &mut script);
    let between = if shell == Shell::Fish { " " } else { "|" };
    let Words { commands, job_options, options } = Words::of(&program());
    let jobs = with_jobs(shell)
        .replace("@COMMANDS@", &commands.join(between))
        .replace("@JOB_OPTIONS@", &job_options.join(between))
        .replace("@OPTIONS@", &options.join(between));
    script.extend_from_slice(jobs.as_bytes());
    script
}

/// What the scripts have to know of the command line to find a job's place on it.
struct Words {
    /// The commands whose first argument is a job.
    commands: Vec<String>,
    /// The options whose value is a job.
    job_options: Vec<String>,
    /// The options that take any other value, but for those that name a daemon.
    options: Vec<String>,
}

impl Words {
    fn of(program: &Command) -> Self {
        let mut words = Self { commands: Vec::new(), job_options: Vec::new(), options: Vec::new() };
        words.take(program.get_arguments());
        for command in program.get_subcommands() {
            let job = command.get_positionals().next().is_some_and(is_job);
            if job {
                words.commands.push(command.get_name().to_owned());
            }
            words.take(command.get_arguments());
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
    let named = argument.get_value_names().and_then(|names| names.first());
    argument.get_id() == "job" || named.is_some_and(|name| name.split('|').any(|n| n == "JOB"))
}

/// The daemon's jobs; without a daemon those of the job file; none where neither can be had, for
/// nobody reads an error between two key strokes.
fn job_names(global: &Global) -> Vec<String> {
    if let Ok(daemon) = Daemon::find(global)
        && let Ok(status) = daemon.wait(daemon.client().status(&StatusQuery::default()))
    {
        return status.jobs.into_iter().map(|job| job.name.to_string()).collect();
    }
    let Ok(path) = Places::here(global).config() else { return Vec::new() };
    match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => loaded.set.jobs.keys().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    }
}

/// What makes a shell offer job names too.
fn with_jobs(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Fish => FISH,
        Shell::Zsh => ZSH,
        // clap's list may grow; a shell without job names still completes all else.
        _ => "",
    }
}

const BASH: &str = r#"
_transferd_with_jobs() {
    _transferd "$@"
    local current="${COMP_WORDS[COMP_CWORD]}" command="" taken=0 i
    local -a options=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            -c|--config|--state-dir)
                options+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}"); ((i++)) ;;
            --system|--user) options+=("${COMP_WORDS[i]}") ;;
            @OPTIONS@) ((i++)) ;;
            -*) ;;
            *) if [[ -z ${command} ]]; then command="${COMP_WORDS[i]}"; else taken=1; fi ;;
        esac
    done
    # A value that belongs to an option is no job, but for the doctor's.
    case "${COMP_WORDS[COMP_CWORD - 1]}" in
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
    local name typed
    local -a names=()
    mapfile -t names < <(transferd "${options[@]}" completions --jobs 2>/dev/null)
    COMPREPLY=()
    for name in "${names[@]}"; do
        [[ -n ${name} ]] || continue
        printf -v typed '%q' "${name}"
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
            case --system --user
                set -a options $words[$i]
        end
    end
    transferd $options completions --jobs 2>/dev/null
end
complete -c transferd -n "__fish_seen_subcommand_from @COMMANDS@" -f -a "(__transferd_jobs)"
complete -c transferd -n "__fish_seen_subcommand_from doctor" -l transfer -x -a "(__transferd_jobs)"
"#;

const ZSH: &str = r#"
_transferd_with_jobs() {
    local command="" taken=0 word
    local -a options=()
    local -i i
    for ((i = 2; i < CURRENT; i++)); do
        word="${words[i]}"
        case "${word}" in
            -c|--config|--state-dir) options+=("${word}" "${words[i + 1]}"); ((i++)) ;;
            --system|--user) options+=("${word}") ;;
            @OPTIONS@) ((i++)) ;;
            -*) ;;
            *) if [[ -z ${command} ]]; then command="${word}"; else taken=1; fi ;;
        esac
    done
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
        compadd -- ${(f)"$(transferd "${options[@]}" completions --jobs 2>/dev/null)"}
        return
    fi
    _transferd "$@"
}
compdef _transferd_with_jobs transferd
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_know_where_a_job_stands() {
        let Words { commands, job_options, options } = Words::of(&program());
        for command in ["status", "history", "next", "trigger", "cancel", "pause", "resume", "why"]
        {
            assert!(commands.iter().any(|known| known == command), "no `{command}`: {commands:?}");
        }
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
            for place in ["@COMMANDS@", "@OPTIONS@", "@JOB_OPTIONS@"] {
                assert!(!script.contains(place), "{shell}: {place}");
            }
        }
    }
}
