//! Every way in which a file changes is told, and reading it is none.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::{Stamps, Watch};
use crate::watch::plan::Plan;

/// Longer than any burst is waited for, with a loaded machine in mind.
const SOON: Duration = Duration::from_secs(20);

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Does something to a folder with `jobs.yaml` in it, and expects to hear of it; then changes the
/// file plainly, and expects to hear of that too: the watch has not gone deaf.
fn told_of(change: impl FnOnce(&Path)) {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("conf");
        let file = folder.join("jobs.yaml");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "jobs: {}").unwrap();
        let mut watch = Watch::start(vec![file.clone()]);
        change(root.path());
        heard(&mut watch).await;
        fs::create_dir_all(&folder).unwrap();
        fs::write(&file, "jobs: {} # later").unwrap();
        heard(&mut watch).await;
    });
}

async fn heard(watch: &mut Watch) {
    tokio::time::timeout(SOON, watch.changed()).await.expect("the change is told");
}

#[test]
fn writing_in_place_is_told() {
    told_of(|root| fs::write(root.join("conf/jobs.yaml"), "jobs: {a: 1}").unwrap());
}

#[test]
fn a_rename_over_the_file_is_told_again_and_again() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let mut watch = Watch::start(vec![file.clone()]);
        for i in 1..=3 {
            let new = root.path().join(".jobs.yaml.new");
            fs::write(&new, i.to_string()).unwrap();
            fs::rename(&new, &file).unwrap();
            heard(&mut watch).await;
        }
    });
}

#[test]
fn a_file_that_goes_and_comes_back_is_told() {
    told_of(|root| fs::remove_file(root.join("conf/jobs.yaml")).unwrap());
}

#[test]
fn a_folder_that_is_replaced_is_told() {
    told_of(|root| {
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/jobs.yaml"), "new").unwrap();
        fs::rename(root.join("conf"), root.join("old")).unwrap();
        fs::rename(root.join("new"), root.join("conf")).unwrap();
    });
}

#[test]
fn a_folder_that_is_removed_and_made_again_is_told() {
    told_of(|root| fs::remove_dir_all(root.join("conf")).unwrap());
}

#[test]
fn a_config_map_swap_is_told() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for version in ["..1", "..2", "..3"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("jobs.yaml"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/jobs.yaml", at("jobs.yaml")).unwrap();
        let mut watch = Watch::start(vec![at("jobs.yaml")]);
        for version in ["..2", "..3"] {
            symlink(version, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
            heard(&mut watch).await;
            assert_eq!(fs::read_to_string(at("jobs.yaml")).unwrap(), version);
        }
    });
}

#[test]
fn the_target_of_a_link_in_another_folder_is_heard() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("here")).unwrap();
        fs::create_dir(at("there")).unwrap();
        fs::write(at("there/real.yaml"), "1").unwrap();
        symlink("../there/real.yaml", at("here/jobs.yaml")).unwrap();
        let mut watch = Watch::start(vec![at("here/jobs.yaml")]);
        fs::write(at("there/real.yaml"), "2").unwrap();
        heard(&mut watch).await;
        fs::remove_file(at("here/jobs.yaml")).unwrap();
        heard(&mut watch).await;
    });
}

#[test]
fn new_and_removed_files_of_a_watched_folder_are_told() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("jobs.d");
        let mut watch = Watch::start(vec![folder.clone()]);
        fs::create_dir(&folder).unwrap();
        heard(&mut watch).await;
        fs::write(folder.join("a.yaml"), "1").unwrap();
        heard(&mut watch).await;
        fs::remove_file(folder.join("a.yaml")).unwrap();
        heard(&mut watch).await;
    });
}

#[test]
fn reading_and_strangers_in_the_folder_are_not_told() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "jobs: {}").unwrap();
        let mut watch = Watch::start(vec![file.clone()]);
        fs::read(&file).unwrap();
        fs::write(root.path().join("stranger"), "x").unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(600), watch.changed()).await;
        assert!(quiet.is_err(), "nothing has changed");
        // And the ear was open all the time.
        fs::write(&file, "jobs: {a: 1}").unwrap();
        heard(&mut watch).await;
    });
}

#[test]
fn a_flood_is_told_once_it_is_over_or_has_lasted_long() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let mut watch = Watch::start(vec![file.clone()]);
        for i in 0..1_000 {
            fs::write(&file, i.to_string()).unwrap();
        }
        heard(&mut watch).await;
        let more = tokio::time::timeout(Duration::from_millis(500), watch.changed()).await;
        assert!(more.is_err(), "one flood is one change");
    });
}

#[test]
fn a_wait_that_is_dropped_loses_no_change() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let mut watch = Watch::start(vec![file.clone()]);
        fs::write(&file, "1").unwrap();
        // Long enough to hear of the change, too short for the burst to be over.
        let early = tokio::time::timeout(Duration::from_millis(100), watch.changed()).await;
        assert!(early.is_err(), "a burst takes longer");
        heard(&mut watch).await;
    });
}

#[test]
fn other_paths_take_over() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("a"), "0").unwrap();
        fs::write(at("b"), "0").unwrap();
        let mut watch = Watch::start(vec![at("a")]);
        assert_eq!(watch.trouble(), None);
        watch.set_paths(vec![at("b")]);
        fs::write(at("b"), "1").unwrap();
        heard(&mut watch).await;
    });
}

#[test]
fn looks_tell_a_change_where_the_kernel_does_not() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("jobs.yaml");
    fs::write(&file, "0").unwrap();
    let plan = Plan::of(std::slice::from_ref(&file));
    assert!(!plan.is_remote());
    let before = Stamps::of(&plan);
    assert_eq!(before, Stamps::of(&plan));
    fs::write(&file, "longer").unwrap();
    assert_ne!(before, Stamps::of(&plan));
}
