//! `completions`: scripts for shells, from the same source as `--help`, job names included.

use std::io::Write;

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use super::ask::done;
use super::{Cli, Exit, Global};

/// What may be typed after `completions`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Carries out `completions`.
pub fn run(args: Args, _global: &Global, out: &mut dyn Write, _err: &mut dyn Write) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "transferd", &mut script);
    script.extend_from_slice(job_names(args.shell).as_bytes());
    done(out.write_all(&script), Exit::Done)
}

/// What makes a shell offer job names too, by asking the daemon with `status --names`.
fn job_names(shell: Shell) -> &'static str {
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
    case "${COMP_WORDS[1]}" in
        status|history|next|trigger|cancel|pause|resume|why)
            local current="${COMP_WORDS[COMP_CWORD]}"
            if [[ ${COMP_CWORD} -eq 2 && ${current} != -* ]]; then
                COMPREPLY=($(compgen -W "$(transferd status --names 2>/dev/null)" -- "${current}"))
            fi
            ;;
    esac
}
complete -F _transferd_with_jobs -o nosort -o bashdefault -o default transferd
"#;

const FISH: &str = r#"
complete -c transferd -n "__fish_seen_subcommand_from status history next trigger cancel pause resume why" -f -a "(transferd status --names 2>/dev/null)"
"#;

const ZSH: &str = r#"
_transferd_with_jobs() {
    case "${words[2]}" in
        status|history|next|trigger|cancel|pause|resume|why)
            if (( CURRENT == 3 )) && [[ "${words[3]}" != -* ]]; then
                compadd -- ${(f)"$(transferd status --names 2>/dev/null)"}
                return
            fi
            ;;
    esac
    _transferd "$@"
}
compdef _transferd_with_jobs transferd
"#;
