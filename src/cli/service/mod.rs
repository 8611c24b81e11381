//! `service`: installs the service for a program that was installed without a package, and removes
//! it again.
//!
//! Keeps true: without `--print` exactly the steps are carried out that `--print` shows; nothing is
//! replaced or removed but files that were installed; jobs, secrets and state are never touched.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::ask::{done, hint, say};
use super::places::{Places, variable};
use super::{Exit, Global};
use disk::Disk;
use layout::{Layout, Owner, WantedFile};
use package::Packaged;
use standing::StandingDocument;
use steps::{Refusal, Step, StepDocument};

mod disk;
mod layout;
mod limits;
mod package;
mod perform;
mod standing;
mod steps;
#[cfg(test)]
mod tests;

/// Options of `transferd service`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Put unit, user, folders, completions and manual pages in place
    ///
    /// For a program that came without a package. The program itself is copied to /usr/local/bin,
    /// with `--user` to ~/.local/bin, unless it is in a program folder already. Run it
    /// again after an update: changed files are replaced and a running service is restarted.
    Install(ChangeArgs),
    /// Stop the service and take away what `install` has put there; jobs and state stay
    Uninstall(ChangeArgs),
    /// Say what is installed, and whether it is what this version would install
    Status(StatusArgs),
}

/// Options of `transferd service install` and `transferd service uninstall`.
#[derive(Debug, ClapArgs)]
pub struct ChangeArgs {
    /// Show each step and do nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    shared: StatusArgs,
}

/// Options of `transferd service status`.
#[derive(Debug, ClapArgs)]
pub struct StatusArgs {
    /// The tree of an image, instead of the machine that runs now
    #[arg(long, value_name = "DIR", hide = true)]
    root: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The document of `--json` for a change.
#[derive(Debug, Serialize)]
struct Document {
    service: &'static str,
    /// Whether anything is or was to be done.
    changed: bool,
    /// False with `--print`.
    performed: bool,
    steps: Vec<StepDocument>,
    /// Things left for a person to do, and things left in place.
    remarks: Vec<String>,
}

/// A change: its steps, and the message after it.
struct Change {
    steps: Vec<Step>,
    remarks: Vec<String>,
}

/// Carries out `service`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let (shared, print) = match &args.what {
        What::Install(args) | What::Uninstall(args) => (&args.shared, args.print),
        What::Status(args) => (args, true),
    };
    let prepared = layout(global, shared).and_then(|layout| {
        let program = std::env::current_exe()
            .map_err(|error| refusal(&format!("our own program can't be found: {error}"), ""))?;
        if !print {
            check_means(&layout)?;
        }
        Ok((layout, program))
    });
    let (layout, program) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => return say_refusal(&refusal, err),
    };
    let change = match &args.what {
        What::Install(_) => installation(&layout, &program),
        What::Uninstall(_) => removal(&layout, &program),
        What::Status(_) => {
            let wanted = match wanted(&layout, &program) {
                Ok(wanted) => wanted,
                Err(refusal) => return say_refusal(&refusal, err),
            };
            let standing = StandingDocument::of(&layout, &wanted, &program);
            let exit = if standing.installed { Exit::Done } else { Exit::No };
            let told =
                if shared.json { super::write_json(out, &standing) } else { standing.tell(out) };
            return done(told, exit);
        }
    };
    match change {
        Ok(change) => carry_out(&change, &layout, (print, shared.json), out, err),
        Err(refusal) => say_refusal(&refusal, err),
    }
}

fn refusal(words: &str, hint: &str) -> Refusal {
    Refusal { words: words.to_owned(), hint: hint.to_owned() }
}

fn say_refusal(refusal: &Refusal, err: &mut dyn Write) -> Exit {
    say(err, &refusal.words);
    if !refusal.hint.is_empty() {
        hint(err, &refusal.hint);
    }
    Exit::No
}

/// The layout of the installation.
fn layout(global: &Global, args: &StatusArgs) -> Result<Layout, Refusal> {
    let root = args.root.clone().unwrap_or_else(|| "/".into());
    let root = std::path::absolute(&root)
        .map_err(|error| refusal(&format!("`{}` can't be used: {error}", root.display()), ""))?;
    if Places::here(global).is_system() {
        return Ok(Layout::of_system(&root));
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("HOME").ok_or_else(|| {
        refusal("your home folder is not known", "set HOME, or use `--system` as root")
    })?;
    let data = absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    Ok(Layout::of_user(&root, &home, &data))
}

/// Whether this process can change the service at all.
fn check_means(layout: &Layout) -> Result<(), Refusal> {
    let me = rustix::process::geteuid();
    if layout.is_here() && !Path::new("/run/systemd/system").exists() {
        return Err(refusal(
            "this machine is not run by systemd",
            "`transferd run` is the daemon; let the init system of this machine start it",
        ));
    }
    match layout.owner {
        Owner::System if layout.is_here() && !me.is_root() => Err(refusal(
            "only root may install or remove the system's service",
            "be root (`sudo transferd service …`), or use `--user` for a service of your own",
        )),
        Owner::User if me.is_root() && !is_roots(layout) => Err(refusal(
            "this is root, in somebody else's home folder",
            "install a user's service as that user, without `sudo`",
        )),
        Owner::System | Owner::User => Ok(()),
    }
}

/// Whether the nearest existing folder, of those that files go into, is root's own.
fn is_roots(layout: &Layout) -> bool {
    let unit = layout.on_disk(&layout.unit());
    let nearest = unit.ancestors().find_map(|folder| std::fs::metadata(folder).ok());
    nearest.is_none_or(|found| found.uid() == 0)
}

/// All files of the installation.
fn wanted(layout: &Layout, program: &Path) -> Result<Vec<WantedFile>, Refusal> {
    let target = layout.program(program);
    let mut wanted = Vec::new();
    // A program that somebody else put there is not ours to list, and so to remove.
    if target != program || Disk::of(layout).listed().contains(&target) {
        // The running file, even if another one has taken its place meanwhile.
        let content = disk::read(Path::new("/proc/self/exe"), limits::PROGRAM_BYTES_MAX);
        let content = content
            .map_err(|error| refusal(&format!("our own program can't be read: {error}"), ""))?;
        wanted.push(WantedFile { path: target.clone(), mode: 0o755, content, what: "the program" });
    }
    wanted.extend(layout.files(&target));
    Ok(wanted)
}

fn installation(layout: &Layout, program: &Path) -> Result<Change, Refusal> {
    let disk = Disk::of(layout);
    if let Some(packaged) = Packaged::find(layout, &disk, program) {
        return Err(packaged.refusal(layout));
    }
    let is_new = !disk.exists(&layout.unit());
    let steps = steps::install(layout, wanted(layout, program)?, &disk)?;
    let mut remarks = Vec::new();
    if is_new {
        let (user, then) = match layout.owner {
            Owner::System => ("", ""),
            Owner::User => (" --user", "; `loginctl enable-linger` starts it at boot"),
        };
        remarks.push(format!(
            "next: `transferd init`, `transferd login`, `transferd check --online`, then \
             `systemctl{user} enable --now transferd`{then}"
        ));
    }
    let target = layout.program(program);
    let folder = target.parent().unwrap_or(Path::new("/"));
    let searched = variable("PATH").unwrap_or_default();
    if layout.is_bin(folder) && !std::env::split_paths(&searched).any(|path| path == folder) {
        remarks.push(format!("`{}` is not in PATH: add it", folder.display()));
    }
    Ok(Change { steps, remarks })
}

fn removal(layout: &Layout, program: &Path) -> Result<Change, Refusal> {
    let disk = Disk::of(layout);
    let steps = steps::uninstall(layout, &disk);
    if steps.is_empty()
        && let Some(packaged) = Packaged::find(layout, &disk, program)
    {
        return Err(packaged.refusal(layout));
    }
    let kept = match layout.owner {
        Owner::System => {
            "left as they are: /etc/transferd, /var/lib/transferd, and the user `transferd`"
        }
        Owner::User => "left as they are: your job files and the state",
    };
    let remarks = if steps.is_empty() { Vec::new() } else { vec![kept.to_owned()] };
    Ok(Change { steps, remarks })
}

/// Shows the steps, and carries them out unless they are only to be shown.
fn carry_out(
    change: &Change,
    layout: &Layout,
    (print, json): (bool, bool),
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    for step in &change.steps {
        if !json && let Err(error) = writeln!(out, "{}", step.line()) {
            return done(Err(error), Exit::Done);
        }
        if print {
            continue;
        }
        if let Err(words) = perform::perform(step, layout, &mut perform::run) {
            say(err, &words);
            hint(err, "what was done so far stays; once that is mended, run it again");
            return Exit::No;
        }
    }
    done(tell(change, layout, (print, json), out), Exit::Done)
}

fn tell(
    change: &Change,
    layout: &Layout,
    (print, json): (bool, bool),
    out: &mut dyn Write,
) -> io::Result<()> {
    if json {
        let document = Document {
            service: match layout.owner {
                Owner::System => "system",
                Owner::User => "user",
            },
            changed: !change.steps.is_empty(),
            performed: !print,
            steps: change.steps.iter().map(Step::document).collect(),
            remarks: change.remarks.clone(),
        };
        return super::write_json(out, &document);
    }
    if change.steps.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    for remark in &change.remarks {
        writeln!(out, "{remark}")?;
    }
    out.flush()
}
