//! The service of a program that came without a package, put into the tree of an image.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::stage::transferd;

fn service(scope: &str, args: &[&str], root: &Path) -> Output {
    let home = root.join("home/alice");
    let mut command = Command::new(transferd());
    command.args([scope, "service"]).args(args).arg("--root").arg(root);
    command.env("HOME", "/home/alice").env_remove("XDG_DATA_HOME").current_dir(root);
    std::fs::create_dir_all(home).unwrap();
    command.output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", words(&output.stdout), words(&output.stderr)))
}

#[test]
fn what_print_shows_is_what_is_done_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let program = root.join("usr/local/bin/transferd");
    let unit = root.join("usr/local/lib/systemd/system/transferd.service");
    let shown = service("--system", &["install", "--print"], root);
    assert!(shown.status.success(), "{}", words(&shown.stderr));
    assert!(!program.exists() && !unit.exists(), "nothing was done");

    let done = service("--system", &["install"], root);
    assert!(done.status.success(), "{}", words(&done.stderr));
    let steps = words(&done.stdout);
    assert_eq!(steps, words(&shown.stdout));
    let written = steps.lines().filter_map(|line| line.strip_prefix("write   /"));
    let written: Vec<_> = written.map(|rest| root.join(rest.split(" (").next().unwrap())).collect();
    assert!(written.contains(&program) && written.contains(&unit), "{steps}");
    assert!(written.iter().all(|path| path.exists()), "{steps}");
    let installed = std::fs::read(&program).unwrap();
    assert!(installed == std::fs::read(transferd()).unwrap(), "it is this program");
    let text = std::fs::read_to_string(&unit).unwrap();
    assert!(text.contains("\nExecStart=/usr/local/bin/transferd run\n"), "{text}");
    let standing = json(&service("--system", &["status", "--json"], root));
    assert_eq!(standing["by"], "service install");
    assert_eq!(standing["program"], "/usr/local/bin/transferd");
    assert_eq!(standing["differing"], serde_json::json!([]));

    let removed = service("--system", &["uninstall"], root);
    assert!(removed.status.success(), "{}", words(&removed.stderr));
    assert!(words(&removed.stdout).contains("left as they are"));
    assert!(!written.iter().any(|path| path.exists()));
}

#[test]
fn a_service_of_ones_own_lies_in_ones_home() {
    let folder = tempfile::tempdir().unwrap();
    let planned = json(&service("--user", &["install", "--print", "--json"], folder.path()));
    assert_eq!((&planned["changed"], &planned["performed"]), (&true.into(), &false.into()));
    let steps = planned["steps"].as_array().unwrap();
    let paths: Vec<_> = steps.iter().map(|step| step["path"].as_str().unwrap()).collect();
    assert!(paths.iter().all(|path| path.starts_with("/home/alice/.local/")), "{paths:?}");
    for path in ["bin/transferd", "share/systemd/user/transferd.service"] {
        assert!(paths.contains(&&*format!("/home/alice/.local/{path}")), "{path}: {paths:?}");
    }
    assert_eq!(service("--user", &["status"], folder.path()).status.code(), Some(1));
}

#[test]
fn a_packages_service_is_left_to_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("usr/lib/systemd/system/transferd.service");
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(&unit, "[Service]\nExecStart=/usr/bin/transferd run\n").unwrap();
    for what in ["install", "uninstall"] {
        let refused = service("--system", &[what], folder.path());
        assert_eq!(refused.status.code(), Some(1));
        let words = words(&refused.stderr);
        assert!(words.contains("a package has put the service in place"), "{words}");
    }
    let standing = json(&service("--system", &["status", "--json"], folder.path()));
    assert_eq!((&standing["by"], &standing["installed"]), (&"package".into(), &true.into()));
    assert_eq!(standing["program"], "/usr/bin/transferd");
}
