//! Every way in which a file changes is reported, and reading it is not.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use super::limits::Pace;
use super::plan::Plan;
use super::stamp::Stamps;
use super::{Heard, Watch};

/// Longer than any wait for a burst, with a loaded machine in mind.
const SOON: Duration = Duration::from_secs(20);

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Does something to a folder with `jobs.yaml` in it, and expects a report; then changes the file
/// plainly, and expects a report of that too: the watch still works.
fn is_reported(change: impl FnOnce(&Path)) {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("conf");
        let file = folder.join("jobs.yaml");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "jobs: {}").unwrap();
        let watch = armed(vec![file.clone()]).await;
        change(root.path());
        heard(&watch).await;
        fs::create_dir_all(&folder).unwrap();
        fs::write(&file, "jobs: {} # later").unwrap();
        heard(&watch).await;
    });
}

async fn heard(watch: &Watch) {
    let heard = tokio::time::timeout(SOON, watch.heard()).await.expect("the change is told");
    assert_eq!(heard, Heard::Change);
}

/// A watch on these paths that is already armed.
async fn armed(paths: Vec<PathBuf>) -> Watch {
    armed_at(paths, Pace::default()).await
}

async fn armed_at(paths: Vec<PathBuf>, pace: Pace) -> Watch {
    let watch = Watch::with_pace(paths, pace).unwrap();
    watch.armed().await;
    watch
}

/// As by default, but a minute lasts half a second.
fn short_minute() -> Pace {
    Pace { look: SignedDuration::from_millis(500), ..Pace::default() }
}

#[test]
fn writing_in_place_is_reported() {
    is_reported(|root| fs::write(root.join("conf/jobs.yaml"), "jobs: {a: 1}").unwrap());
}

#[test]
fn a_rename_over_the_file_is_told_again_and_again() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let watch = armed(vec![file.clone()]).await;
        for i in 1..=3 {
            let new = root.path().join(".jobs.yaml.new");
            fs::write(&new, i.to_string()).unwrap();
            fs::rename(&new, &file).unwrap();
            heard(&watch).await;
        }
    });
}

#[test]
fn a_file_that_goes_and_comes_back_is_reported() {
    is_reported(|root| fs::remove_file(root.join("conf/jobs.yaml")).unwrap());
}

#[test]
fn a_folder_that_is_replaced_is_reported() {
    is_reported(|root| {
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/jobs.yaml"), "new").unwrap();
        fs::rename(root.join("conf"), root.join("old")).unwrap();
        fs::rename(root.join("new"), root.join("conf")).unwrap();
    });
}

#[test]
fn a_folder_that_is_removed_and_made_again_is_reported() {
    is_reported(|root| fs::remove_dir_all(root.join("conf")).unwrap());
}

#[test]
fn a_config_map_swap_is_reported() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for version in ["..1", "..2", "..3"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("jobs.yaml"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/jobs.yaml", at("jobs.yaml")).unwrap();
        let watch = armed(vec![at("jobs.yaml")]).await;
        for version in ["..2", "..3"] {
            symlink(version, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
            heard(&watch).await;
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
        let watch = armed(vec![at("here/jobs.yaml")]).await;
        fs::write(at("there/real.yaml"), "2").unwrap();
        heard(&watch).await;
        fs::remove_file(at("here/jobs.yaml")).unwrap();
        heard(&watch).await;
    });
}

#[test]
fn new_and_removed_files_of_a_watched_folder_are_reported() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("jobs.d");
        let watch = armed(vec![folder.clone()]).await;
        fs::create_dir(&folder).unwrap();
        heard(&watch).await;
        fs::write(folder.join("a.yaml"), "1").unwrap();
        heard(&watch).await;
        fs::remove_file(folder.join("a.yaml")).unwrap();
        heard(&watch).await;
    });
}

#[test]
fn reading_and_strangers_in_the_folder_are_not_told() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "jobs: {}").unwrap();
        let watch = armed(vec![file.clone()]).await;
        fs::read(&file).unwrap();
        fs::write(root.path().join("stranger"), "x").unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(600), watch.heard()).await;
        assert!(quiet.is_err(), "nothing has changed");
        // And the watch was open all the time.
        fs::write(&file, "jobs: {a: 1}").unwrap();
        heard(&watch).await;
    });
}

#[test]
fn a_flood_is_told_once_it_is_over_or_has_lasted_long() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let watch = armed(vec![file.clone()]).await;
        for i in 0..1_000 {
            fs::write(&file, i.to_string()).unwrap();
        }
        heard(&watch).await;
        // A busy machine may split it.
        let mut more = 0;
        while tokio::time::timeout(Duration::from_millis(500), watch.heard()).await.is_ok() {
            more += 1;
        }
        assert!(more < 5, "one flood is {more} changes more");
    });
}

#[test]
fn a_wait_that_is_dropped_loses_no_change() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let watch = armed(vec![file.clone()]).await;
        fs::write(&file, "1").unwrap();
        // Long enough to notice the change, too short for the burst to be over.
        let early = tokio::time::timeout(Duration::from_millis(100), watch.heard()).await;
        assert!(early.is_err(), "a burst takes longer");
        heard(&watch).await;
    });
}

#[test]
fn other_paths_take_over() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("a"), "0").unwrap();
        fs::write(at("b"), "0").unwrap();
        let watch = armed(vec![at("a")]).await;
        assert_eq!(watch.trouble(), None);
        watch.set_paths(vec![at("b")], None);
        watch.armed().await;
        fs::write(at("b"), "1").unwrap();
        heard(&watch).await;
    });
}

#[test]
fn looks_tell_a_change_where_the_kernel_does_not() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("jobs.yaml");
    fs::write(&file, "0").unwrap();
    let plan = Plan::of(std::slice::from_ref(&file));
    assert_eq!(plan.deaf(), None);
    let before = Stamps::of(&plan);
    assert_eq!(before, Stamps::of(&plan));
    fs::write(&file, "longer").unwrap();
    assert_ne!(before, Stamps::of(&plan));
}

#[test]
fn a_file_that_is_being_written_is_told_once_it_is_closed() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let watch = armed(vec![file.clone()]).await;
        let mut writer = fs::File::create(&file).unwrap();
        writer.write_all(b"half").unwrap();
        let early = tokio::time::timeout(Duration::from_millis(1_500), watch.heard()).await;
        assert!(early.is_err(), "half a file is not read");
        assert!(watch.is_half_written(), "nor when somebody asks for it");
        writer.write_all(b" and half").unwrap();
        drop(writer);
        heard(&watch).await;
        assert!(!watch.is_half_written());
    });
}

#[test]
fn a_writer_that_never_closes_is_waited_for_no_longer_than_its_time() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        let pace = Pace { writing: SignedDuration::from_secs(1), ..Pace::default() };
        let watch = armed_at(vec![file.clone()], pace).await;
        let mut writer = fs::File::create(&file).unwrap();
        writer.write_all(b"half").unwrap();
        heard(&watch).await;
    });
}

#[test]
fn a_file_that_is_written_through_another_name_is_reported() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("here")).unwrap();
        fs::write(at("original"), "0").unwrap();
        fs::hard_link(at("original"), at("here/jobs.yaml")).unwrap();
        let watch = armed(vec![at("here/jobs.yaml")]).await;
        fs::write(at("original"), "1").unwrap();
        heard(&watch).await;
    });
}

#[test]
fn a_folder_far_above_that_is_swapped_is_reported() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for version in ["one", "two"] {
            fs::create_dir_all(at(version).join("a/b/c")).unwrap();
            fs::write(at(version).join("a/b/c/jobs.yaml"), version).unwrap();
        }
        let watch = armed(vec![at("one/a/b/c/jobs.yaml")]).await;
        fs::rename(at("one"), at("gone")).unwrap();
        fs::rename(at("two"), at("one")).unwrap();
        heard(&watch).await;
        fs::write(at("one/a/b/c/jobs.yaml"), "three").unwrap();
        heard(&watch).await;
    });
}

#[test]
fn what_is_bad_is_told_each_minute_whatever_else_happens() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        fs::write(&file, "0").unwrap();
        let watch = armed_at(vec![file.clone()], short_minute()).await;
        watch.report_each_minute(true);
        let mut told = false;
        for _ in 0..40 {
            // Neither orders nor waits that are dropped delay the minute.
            watch.set_paths(vec![file.clone()], None);
            told |= tokio::time::timeout(Duration::from_millis(50), watch.heard()).await.is_ok();
        }
        assert!(told, "the minute has its own deadline");
        watch.report_each_minute(false);
        tokio::time::sleep(Duration::from_millis(800)).await;
        let _ = tokio::time::timeout(Duration::from_millis(1), watch.heard()).await;
        let quiet = tokio::time::timeout(Duration::from_millis(1_500), watch.heard()).await;
        assert!(quiet.is_err(), "what is good and watched is left alone");
    });
}

#[test]
fn a_change_between_a_reading_and_the_watch_is_reported() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("jobs.yaml");
        let read_at = crate::clock::now();
        fs::write(&file, "later").unwrap();
        let watch = armed(Vec::new()).await;
        watch.set_paths(vec![file.clone()], Some(read_at));
        heard(&watch).await;
    });
}
