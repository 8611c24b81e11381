//! Installs into, and removes from, the tree of an image and a home of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::layout::{Layout, WantedFile};
use super::steps::{self, Step};
use super::{installation, perform, removal};

const PROGRAM: &str = "/somewhere/transferd";

/// The running machine, but in a folder: no step runs a program on it.
fn image() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::of_system(folder.path());
    (folder, layout)
}

/// The wanted files, with a short program.
fn wanted(layout: &Layout, program: &str) -> Vec<WantedFile> {
    let path = layout.program(Path::new(PROGRAM));
    let what = "the program";
    let content = program.as_bytes().to_vec();
    let mut wanted = layout.files(&path);
    wanted.insert(0, WantedFile { path, mode: 0o755, content, what });
    wanted
}

/// Carries out steps; returns the programs that they would run.
fn carry_out(steps: &[Step], layout: &Layout) -> Vec<String> {
    let mut ran = Vec::new();
    for step in steps {
        let mut run = |command: &[String]| {
            ran.push(command.join(" "));
            Ok(())
        };
        perform::perform(step, layout, &mut run).unwrap();
    }
    ran
}

fn install(layout: &Layout, program: &str) -> Vec<Step> {
    let steps = steps::install(layout, wanted(layout, program), &Disk::of(layout)).unwrap();
    carry_out(&steps, layout);
    steps
}

/// All files below a folder, with their modes.
fn files(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let mode = path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
            found.insert(path, mode);
        }
    }
    found
}

#[test]
fn all_is_put_in_place_once_for_everybody_to_read() {
    let (folder, layout) = image();
    let steps = install(&layout, "one");
    let found = files(folder.path());
    assert_eq!(found.len(), steps.len());
    for (path, mode) in [
        ("usr/local/bin/transferd", 0o755),
        ("usr/local/lib/systemd/system/transferd.service", 0o644),
        ("usr/local/lib/systemd/user/transferd-desktop.service", 0o644),
        ("usr/local/lib/sysusers.d/transferd.conf", 0o644),
        ("usr/local/lib/tmpfiles.d/transferd.conf", 0o644),
        ("usr/local/share/man/man1/transferd.1", 0o644),
        ("usr/local/share/man/man1/transferd-trigger.1", 0o644),
        ("usr/local/share/bash-completion/completions/transferd", 0o644),
        ("usr/local/share/zsh/site-functions/_transferd", 0o644),
        ("usr/local/share/fish/vendor_completions.d/transferd.fish", 0o644),
    ] {
        assert_eq!(found.get(&folder.path().join(path)), Some(&mode), "{path}");
    }
    let unit = fs::read_to_string(layout.on_disk(&layout.unit())).unwrap();
    assert!(unit.contains("\nExecStart=/usr/local/bin/transferd run\n"), "{unit}");
    assert_eq!(install(&layout, "one"), [], "there is nothing left to do");
}

#[test]
fn what_is_new_is_replaced_and_what_is_out_of_use_goes() {
    let (folder, layout) = image();
    install(&layout, "one");
    // As if an older version had had a page more.
    let old = Path::new("/usr/local/share/man/man1/transferd-ancient.1");
    fs::write(layout.on_disk(old), "old").unwrap();
    let list = layout.on_disk(&layout.list());
    let listed = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{listed}{}\n/etc/passwd\n", old.display())).unwrap();
    let steps = install(&layout, "two");
    let program = layout.program(Path::new(PROGRAM));
    assert!(steps.iter().any(|step| matches!(step, Step::Write(file) if file.path == program)));
    assert_eq!(fs::read(layout.on_disk(&program)).unwrap(), b"two");
    assert!(!layout.on_disk(old).exists());
    assert_eq!(fs::read_to_string(&list).unwrap(), listed);
    assert_eq!(install(&layout, "two"), []);
    assert!(folder.path().exists());
}

#[test]
fn what_is_not_ours_is_never_replaced() {
    let (folder, layout) = image();
    let page = folder.path().join("usr/local/share/man/man1/transferd.1");
    fs::create_dir_all(page.parent().unwrap()).unwrap();
    fs::write(&page, "somebody else's").unwrap();
    let refusal = steps::install(&layout, wanted(&layout, "one"), &Disk::of(&layout)).unwrap_err();
    assert!(refusal.words.contains("man1/transferd.1"), "{refusal:?}");
    assert_eq!(files(folder.path()).len(), 1, "nothing was written");
}

#[test]
fn all_that_was_installed_is_taken_away_and_nothing_else() {
    let (folder, layout) = image();
    let kept = ["etc/transferd/jobs.yaml", "var/lib/transferd/transferd.db", "usr/local/bin/x"]
        .map(|path| folder.path().join(path));
    for path in &kept {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "kept").unwrap();
    }
    let before = files(folder.path());
    install(&layout, "one");
    // A list that was tampered with names files without our name, or elsewhere.
    let list = layout.on_disk(&layout.list());
    let listed = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{listed}/usr/local/bin/x\n/usr/../etc/transferd/jobs.yaml\n"))
        .unwrap();
    let change = removal(&layout, Path::new(PROGRAM)).unwrap_or_else(|no| panic!("{no:?}"));
    assert_eq!(carry_out(&change.steps, &layout), Vec::<String>::new());
    assert_eq!(files(folder.path()), before);
    assert!(change.remarks[0].contains("/var/lib/transferd"), "{:?}", change.remarks);
    assert!(removal(&layout, Path::new(PROGRAM)).is_ok_and(|change| change.steps.is_empty()));
}

#[test]
fn a_packages_service_is_left_to_its_package() {
    let (folder, layout) = image();
    let unit = folder.path().join("usr/lib/systemd/system/transferd.service");
    fs::create_dir_all(unit.parent().unwrap()).unwrap();
    fs::write(&unit, "[Service]\n").unwrap();
    for refused in [installation(&layout, Path::new(PROGRAM)), removal(&layout, Path::new(PROGRAM))]
    {
        let refusal = refused.err().expect("it is refused");
        assert!(refusal.words.contains("a package"), "{refusal:?}");
        assert!(refusal.hint.contains("systemctl enable --now transferd"), "{refusal:?}");
    }
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn the_running_system_takes_up_what_is_new() {
    let (_folder, layout) = image();
    let here = Layout::of_system(Path::new("/"));
    let nothing = Disk::of(&layout);
    let steps = steps::install(&here, wanted(&here, "one"), &nothing).unwrap();
    let ran = |steps: &[Step]| -> Vec<String> {
        let commands = steps.iter().filter_map(|step| match step {
            Step::Run { command, .. } => Some(command.join(" ")),
            Step::Write(_) | Step::Remove(_) => None,
        });
        commands.collect()
    };
    assert_eq!(
        ran(&steps),
        [
            "systemd-sysusers /usr/local/lib/sysusers.d/transferd.conf",
            "systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/transferd.conf",
            "systemctl daemon-reload",
            "systemctl try-restart transferd.service",
        ]
    );
    let home = Path::new("/home/a");
    let own = Layout::of_user(Path::new("/"), home, &home.join(".local/share"));
    let steps = steps::install(&own, wanted(&own, "one"), &nothing).unwrap();
    assert_eq!(
        ran(&steps),
        [
            "systemctl --user daemon-reload",
            "systemctl --user try-restart transferd.service transferd-desktop.service",
        ]
    );
    assert!(steps.iter().all(|step| match step {
        Step::Write(file) => file.path.starts_with(home),
        Step::Remove(_) => false,
        Step::Run { .. } => true,
    }));
    install(&layout, "one");
    let ran = ran(&steps::uninstall(&here, &Disk::of(&layout)));
    assert_eq!(ran, ["systemctl disable --now transferd.service", "systemctl daemon-reload"]);
}

#[test]
fn a_step_that_fails_is_said_with_its_file() {
    let (folder, layout) = image();
    fs::write(folder.path().join("usr"), "in the way").unwrap();
    let steps = steps::install(&layout, wanted(&layout, "one"), &Disk::of(&layout)).unwrap();
    let error = perform::perform(&steps[0], &layout, &mut |_| Ok(())).unwrap_err();
    assert!(error.contains("/usr/local/share/transferd/installed"), "{error}");
    let missing = perform::output(&["transferd-is-not-a-program".to_owned()]);
    assert!(missing.is_err_and(|words| words.contains("can't be run")));
    let failing =
        perform::run(&["sh".to_owned(), "-c".to_owned(), "echo why >&2; exit 3".to_owned()]);
    assert!(failing.is_err_and(|words| words.contains("exits 3: why")));
}
