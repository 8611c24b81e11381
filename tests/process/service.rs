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
    for (scope, program, unit) in [
        ("--system", "usr/local/bin/transferd", "usr/local/lib/systemd/system/transferd.service"),
        (
            "--user",
            "home/alice/.local/bin/transferd",
            "home/alice/.local/share/systemd/user/transferd.service",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let shown = service(scope, &["install", "--print"], root);
        assert!(shown.status.success(), "{}", words(&shown.stderr));
        assert!(!root.join(program).exists() && !root.join(unit).exists(), "nothing was done");
        let planned = json(&service(scope, &["install", "--print", "--json"], root));
        assert_eq!((&planned["changed"], &planned["performed"]), (&true.into(), &false.into()));
        assert_eq!(service(scope, &["status"], root).status.code(), Some(1));

        let done = service(scope, &["install"], root);
        assert!(done.status.success(), "{}", words(&done.stderr));
        assert_eq!(words(&done.stdout), words(&shown.stdout));
        let installed = std::fs::read(root.join(program)).unwrap();
        assert!(installed == std::fs::read(transferd()).unwrap(), "it is this program");
        for step in planned["steps"].as_array().unwrap() {
            let path = step["path"].as_str().unwrap().trim_start_matches('/');
            assert!(root.join(path).exists(), "{path}");
        }
        let text = std::fs::read_to_string(root.join(unit)).unwrap();
        let start = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert!(start.starts_with(&format!("ExecStart=/{program} ")), "{start}");
        let standing = json(&service(scope, &["status", "--json"], root));
        assert_eq!(standing["by"], "service install");
        assert_eq!(standing["program"], format!("/{program}"));
        assert_eq!(standing["differing"], serde_json::json!([]));
        let again = json(&service(scope, &["install", "--json"], root));
        assert_eq!(again["changed"], false);

        let removed = service(scope, &["uninstall"], root);
        assert!(removed.status.success(), "{}", words(&removed.stderr));
        assert!(words(&removed.stdout).contains("left as they are"));
        for step in planned["steps"].as_array().unwrap() {
            let path = step["path"].as_str().unwrap().trim_start_matches('/');
            assert!(!root.join(path).exists(), "{path}");
        }
    }
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
