//! `man`: the manual pages: transferd(1) and one for each command from the same source as `--help`,
//! transferd-jobs(5) from the schema of the job file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::ask::{done, hint, say};
use super::program::program as command_line;
use super::{Exit, Global, examples, exit_status, man_jobs};

/// Options of `transferd man`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print the page of this command, or `jobs` for the job file's, transferd-jobs(5) [default:
    /// transferd(1), one page about all commands]
    #[arg(value_name = "PAGE")]
    command: Option<String>,
    /// Write all pages into this folder, instead of one page to standard output
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// The page about the job file: it has no command of this name.
const JOBS: &str = "jobs";

/// Sections that are in no option's help: the end of the main page.
const MORE: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("0", "Done. Of trigger --wait: the run has succeeded."),
            ("1", "The answer is no: an invalid file, a failed run, no such job."),
            ("2", "Wrong usage."),
            ("3", "The daemon is not running; if the other service is, the message says so."),
            ("130", "Interrupted by Ctrl-C while waiting; what was waited for goes on."),
            ("78", "`run`: the job file is invalid, and there never was a good one."),
        ],
    ),
    (
        "FILES",
        &[
            ("/etc/transferd/jobs.yaml", "The job file, for root and the system service."),
            ("$XDG_CONFIG_HOME/transferd/jobs.yaml", "The job file, for others."),
            ("/var/lib/transferd, $XDG_STATE_HOME/transferd", "The state folder."),
            (
                "/run/transferd/control.sock, $XDG_RUNTIME_DIR/transferd/control.sock",
                "The control socket; with --state-dir it lies in that folder.",
            ),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("STATE_DIRECTORY, RUNTIME_DIRECTORY", "As systemd sets them for the service."),
            ("CREDENTIALS_DIRECTORY", "Its `token` is used where the job file names none."),
            ("VISUAL, EDITOR", "The editor of `transferd edit`."),
            ("NO_COLOR", "No color."),
            ("COLUMNS", "The width of tables where the terminal does not tell one."),
        ],
    ),
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT, SIGQUIT",
                "`run` stops in under two seconds; transfers go on at the agent.",
            ),
            (
                "SIGHUP",
                "`run` reads the job file, as `transferd reload` does. A command that waits or follows \
                 ends, as its terminal is gone.",
            ),
        ],
    ),
];

/// Carries out `man`.
pub fn run(args: Args, _global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let program = program();
    if let Some(folder) = args.dir {
        return match write_all(&program, &folder) {
            Ok(()) => Exit::Done,
            Err(error) => {
                let folder = folder.display();
                say(err, &format!("the pages can't be written to `{folder}`: {error}"));
                hint(err, "name a folder that is there and that you may write to");
                Exit::No
            }
        };
    }
    let Some(name) = args.command else { return done(main_page(&program, out), Exit::Done) };
    let name = name.trim_start_matches("transferd-");
    if name == JOBS {
        return done(man_jobs::page(out), Exit::Done);
    }
    match program.get_subcommands().find(|command| command.get_name() == name) {
        Some(command) => done(command_page(&program, command, out), Exit::Done),
        None => {
            say(err, &format!("there is no command `{name}`"));
            hint(err, "`transferd --help` lists them; `transferd man jobs` is about the job file");
            Exit::No
        }
    }
}

/// The command line with everything that clap adds to it.
pub(super) fn program() -> Command {
    let mut program = command_line().disable_help_subcommand(true);
    program.build();
    program
}

/// The whole manual on one page: the global part, then each command with its own options.
fn main_page(program: &Command, out: &mut dyn Write) -> io::Result<()> {
    let man = titled(program.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    let mut page = Roff::new();
    page.control("SH", ["SYNOPSIS"]);
    let text = [bold("transferd"), roman(" [OPTIONS] "), italic("COMMAND"), roman(" [ARGUMENTS]")];
    page.text(text);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(
        "transferd queues recurring cloud-to-cloud transfers at the Amove desktop agent on the \
         same machine, from a YAML file, and follows each to its end: never lost, never doubled.",
    )]);
    page.control("SH", ["COMMANDS"]);
    for command in commands(program) {
        page.control("SS", [usage(command).as_str()]);
        page.text([roman(about(command))]);
        options(&mut page, command, false);
        commands_below(&mut page, command);
    }
    page.control("SH", ["GLOBAL OPTIONS"]);
    options(&mut page, program, true);
    for (heading, entries) in MORE {
        page.control("SH", [*heading]);
        for (term, words) in *entries {
            page.control("TP", []);
            page.text([bold(*term)]);
            page.text([roman(*words)]);
        }
    }
    page.control("SH", ["EXAMPLES"]);
    for command in commands(program) {
        for example in examples::of(command.get_name()).unwrap_or_default() {
            page.control("TP", []);
            page.text([bold(example.line)]);
            page.text([roman(example.does)]);
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("transferd-jobs"), roman("(5), "), bold("systemctl"), roman("(1)")]);
    page.to_writer(out)?;
    out.flush()
}

/// The page of one command.
fn command_page(program: &Command, command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let man = titled(command.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    let mut page = Roff::new();
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold(usage(command))]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(about(command))]);
    if !listed_options(command, false).is_empty() {
        page.control("SH", ["OPTIONS"]);
        options(&mut page, command, false);
    }
    if command.has_subcommands() {
        page.control("SH", ["COMMANDS"]);
        commands_below(&mut page, command);
    }
    page.control("SH", ["GLOBAL OPTIONS"]);
    options(&mut page, program, true);
    if let Some(status) = exit_status::of(command.get_name()) {
        page.control("SH", ["EXIT STATUS"]);
        for (code, words) in status.codes() {
            page.control("TP", []);
            page.text([bold(code)]);
            page.text([roman(words)]);
        }
    }
    if let Some(examples) = examples::of(command.get_name()) {
        page.control("SH", ["EXAMPLES"]);
        for example in examples {
            page.control("TP", []);
            page.text([bold(example.line)]);
            page.text([roman(example.does)]);
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("transferd"), roman("(1), "), bold("transferd-jobs"), roman("(5)")]);
    page.to_writer(out)?;
    out.flush()
}

fn write_all(program: &Command, folder: &Path) -> io::Result<()> {
    for (name, page) in pages_of(program)? {
        fs::write(folder.join(name), page)?;
    }
    Ok(())
}

/// All manual pages, with the names of their files: one about everything, one about the job file,
/// and one for each command.
pub(super) fn pages() -> Vec<(String, Vec<u8>)> {
    // Writing to memory does not fail.
    pages_of(&program()).unwrap_or_default()
}

fn pages_of(program: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let (mut page, mut jobs) = (Vec::new(), Vec::new());
    main_page(program, &mut page)?;
    man_jobs::page(&mut jobs)?;
    let mut pages = vec![("transferd.1".to_owned(), page), ("transferd-jobs.5".to_owned(), jobs)];
    for command in commands(program) {
        let mut page = Vec::new();
        command_page(program, command, &mut page)?;
        pages.push((format!("transferd-{}.1", command.get_name()), page));
    }
    Ok(pages)
}

/// A page's head names the version at its foot, and no date: it changes with the program.
fn titled(command: Command) -> Man {
    let version = format!("transferd {}", env!("CARGO_PKG_VERSION"));
    Man::new(command).date(" ").source(version).manual("User Commands")
}

fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The commands below a command, such as `service install`, each with its options.
fn commands_below(page: &mut Roff, command: &Command) {
    for below in commands(command).filter(|below| below.get_name() != "help") {
        page.control("SS", [usage(below).as_str()]);
        page.text([roman(about(below))]);
        options(page, below, false);
    }
}

/// As `--help` has it: `transferd trigger [OPTIONS] <JOB>`.
pub(super) fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

/// The description of a command.
pub(super) fn about(command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about());
    about.map(ToString::to_string).unwrap_or_default()
}

/// The options of a command on a page: its own, or the global ones.
fn options(page: &mut Roff, command: &Command, global: bool) {
    for (names, words) in listed_options(command, global) {
        page.control("TP", []);
        page.text([bold(names)]);
        page.text([roman(words)]);
    }
}

/// The options of a command, its own or the global ones: how each is typed, and its description.
pub(super) fn listed_options(command: &Command, global: bool) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|option| {
        let help = matches!(option.get_id().as_str(), "help" | "version");
        option.is_global_set() == global && !option.is_hide_set() && !help
    });
    shown.map(|option| (names(option), words(option))).collect()
}

/// The description of an option, with its default and its possible words.
fn words(option: &clap::Arg) -> String {
    let help = option.get_long_help().or_else(|| option.get_help());
    let mut words = help.map(ToString::to_string).unwrap_or_default();
    if !option.get_action().takes_values() {
        return words;
    }
    let default = option.get_default_values();
    if let (Some(default), false) = (default.first(), option.is_hide_default_value_set()) {
        words += &format!(" [default: {}]", default.to_string_lossy());
    }
    let values = option.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set());
    let values: Vec<&str> = values.map(|value| value.get_name()).collect();
    if !values.is_empty() {
        words += &format!(" [one of: {}]", values.join(", "));
    }
    words
}

/// `-c, --config PATH`, or `JOB`.
fn names(option: &clap::Arg) -> String {
    let value = option
        .get_value_names()
        .filter(|_| option.get_action().takes_values())
        .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    let dashed: Vec<String> = short.into_iter().chain(long).collect();
    match (dashed.is_empty(), value) {
        (true, value) => value.unwrap_or_else(|| option.get_id().to_string().to_uppercase()),
        (false, Some(value)) => format!("{} {value}", dashed.join(", ")),
        (false, None) => dashed.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        page(&mut out).unwrap();
        String::from_utf8(out).unwrap().replace("\\-", "-")
    }

    #[test]
    fn the_one_page_holds_each_command_with_each_of_its_options() {
        let program = program();
        let page = text(|out| main_page(&program, out));
        assert!(page.contains(".TH transferd 1"), "{page}");
        for command in commands(&program) {
            assert!(page.contains(&usage(command)), "no `{}`", command.get_name());
            for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
                let Some(long) = option.get_long().filter(|long| *long != "help") else { continue };
                assert!(page.contains(&format!("--{long}")), "no `--{long}`");
            }
        }
        assert!(page.contains("EXIT STATUS") && page.contains("/etc/transferd/jobs.yaml"));
        assert!(page.contains("transferd service uninstall") && page.contains("--on EVENT"));
    }

    #[test]
    fn a_page_has_the_commands_below_its_own_and_no_empty_section() {
        let program = program();
        let service = program.find_subcommand("service").unwrap();
        let page = text(|out| command_page(&program, service, out));
        for below in ["install", "uninstall", "status"] {
            assert!(page.contains(&format!(".SS \"transferd service {below}")), "{page}");
        }
        assert!(page.contains("--print"), "{page}");
        let run = program.find_subcommand("run").unwrap();
        assert!(!text(|out| command_page(&program, run, out)).contains(".SH OPTIONS"));
    }

    #[test]
    fn a_commands_page_has_its_usage_and_the_global_options() {
        let program = program();
        let trigger = program.find_subcommand("trigger").unwrap();
        let page = text(|out| command_page(&program, trigger, out));
        assert!(page.contains(".TH transferd-trigger 1"), "{page}");
        assert!(page.contains("transferd trigger [OPTIONS] <JOB>"), "{page}");
        assert!(page.contains("--wait") && page.contains("--state-dir DIR"), "{page}");
        let (_, exits) = page.split_once("EXIT STATUS").unwrap();
        assert!(exits.contains("130") && exits.contains("with --wait"), "{page}");
    }

    #[test]
    fn each_command_gets_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        write_all(&program(), folder.path()).unwrap();
        for name in ["transferd.1", "transferd-run.1", "transferd-pause.1", "transferd-jobs.5"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
    }
}
