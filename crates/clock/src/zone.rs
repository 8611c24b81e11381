//! The machine's current time zone, read anew instead of from a library's cache: `$TZ`, else
//! `/etc/localtime`, which is a link to a zone's file or, in containers, a copy of one.
//!
//! Keeps true: two zones with different rules have different names, since a schedule is identified
//! by the name of its zone; a zone without a name is named by a digest of its content.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

const LOCALTIME: &str = "/etc/localtime";

/// Debian's file with the zone's name.
const NAME_FILE: &str = "/etc/timezone";

/// The largest files of the database have 4 kB.
const RULES_MAX: u64 = 64 * 1024;

/// The machine's zone.
#[derive(Clone, Debug)]
pub struct MachineZone {
    /// Its IANA name; or the rule itself; or a description, if it has no name.
    pub name: String,
    /// Its rules.
    pub zone: TimeZone,
    /// Why it differs from the machine's settings, in words, if it does.
    pub trouble: Option<String>,
}

/// The machine's zone as it is set now, read anew rather than from a library's cache.
pub fn machine_zone() -> MachineZone {
    jiff::tz::db().reset();
    match std::env::var_os("TZ") {
        Some(told) => of_variable(&told),
        None => of_file(Path::new(LOCALTIME), Path::new(NAME_FILE)),
    }
}

/// The zone in `$TZ` (tzset(3)): a name, a path, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
fn of_variable(told: &OsString) -> MachineZone {
    let Some(text) = told.to_str() else {
        return utc(Some("`TZ` is not text: UTC is used".to_owned()));
    };
    let text = text.strip_prefix(':').unwrap_or(text);
    if text.is_empty() {
        return utc(None);
    }
    if text.starts_with('/') {
        return of_file(Path::new(text), Path::new(NAME_FILE));
    }
    if let Some(found) = named(text) {
        return found;
    }
    match TimeZone::posix(text) {
        Ok(zone) => MachineZone { name: text.to_owned(), zone, trouble: None },
        Err(_) => utc(Some(format!("{}: UTC is used", unknown("TZ", text)))),
    }
}

/// The zone of a file, or of the link in its place.
fn of_file(path: &Path, name_file: &Path) -> MachineZone {
    let Ok(link) = fs::read_link(path) else { return of_copy(path, name_file) };
    let target = path.parent().unwrap_or(Path::new("/")).join(&link);
    let name = link.to_str().and_then(zone_of_path);
    if let Some(found) = name.and_then(named) {
        return found;
    }
    if !target.exists() {
        let what = format!("{} → {}", path.display(), link.display());
        return utc(Some(format!("{}: UTC is used", unknown(&what, name.unwrap_or("")))));
    }
    of_copy(path, name_file)
}

/// A zone's file without a name of its own.
fn of_copy(path: &Path, name_file: &Path) -> MachineZone {
    let cant = |why: &str| utc(Some(format!("`{}` {why}: UTC is used", path.display())));
    let rules = match fs::metadata(path) {
        // Without the file the machine's zone is UTC (localtime(5)).
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return utc(None),
        Ok(found) if found.is_file() && found.len() <= RULES_MAX => fs::read(path),
        Ok(_) => return cant("is not the file of a time zone"),
        Err(error) => Err(error),
    };
    let Ok(rules) = rules else { return cant("can't be read") };
    let told = fs::read_to_string(name_file).unwrap_or_default();
    let same = |name: &str| file_of(name).is_some_and(|file| has(&file, &rules));
    if same(told.trim())
        && let Some(found) = named(told.trim())
    {
        return found;
    }
    let by_content = || {
        // Places before links and abbreviations, which have no `/`.
        let mut names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        names.sort_by_key(|name| (!name.contains('/') || name.starts_with("Etc/"), name.clone()));
        names.into_iter().find(|name| same(name)).and_then(|name| named(&name))
    };
    if let Some(found) = by_content() {
        return found;
    }
    let name = format!("the machine's zone ({:08x})", digest(&rules));
    match TimeZone::tzif(&name, &rules) {
        Ok(zone) => MachineZone { name, zone, trouble: None },
        Err(_) => cant("is not the file of a time zone"),
    }
}

fn utc(trouble: Option<String>) -> MachineZone {
    MachineZone { name: "UTC".to_owned(), zone: TimeZone::UTC, trouble }
}

fn named(name: &str) -> Option<MachineZone> {
    if matches!(name, "UTC" | "Etc/UTC") {
        return Some(utc(None));
    }
    let zone = TimeZone::get(name).ok()?;
    let name = zone.iana_name().unwrap_or(name).to_owned();
    Some(MachineZone { name, zone, trouble: None })
}

fn unknown(source: &str, name: &str) -> String {
    if jiff::tz::db().is_definitively_empty() || jiff::tz::db().available().next().is_none() {
        return format!(
            "this machine has no zone database, so `{source}` says nothing (install `tzdata`)"
        );
    }
    format!("`{source}` names `{name}`, which is not a time zone of this machine")
}

/// The zone's name in the path of its file.
fn zone_of_path(path: &str) -> Option<&str> {
    path.split_once("zoneinfo/").map(|(_, name)| name)
}

fn file_of(name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.contains("..") && !name.starts_with('/');
    plain.then(|| Path::new("/usr/share/zoneinfo").join(name))
}

fn has(file: &Path, rules: &[u8]) -> bool {
    let as_long = fs::metadata(file).is_ok_and(|found| found.len() == rules.len() as u64);
    as_long && fs::read(file).is_ok_and(|content| content == rules)
}

/// Distinguishes rules: its keys are fixed, so that a restart finds the zone to be the same.
fn digest(rules: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    rules.hash(&mut hasher);
    // Half of it is enough for the zones that a person sets within a machine's life.
    u32::try_from(hasher.finish() >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn variable(told: &str) -> MachineZone {
        of_variable(&OsString::from(told))
    }

    #[test]
    fn a_zone_is_named_by_where_its_file_lies() {
        assert_eq!(zone_of_path("/usr/share/zoneinfo/Europe/Berlin"), Some("Europe/Berlin"));
        assert_eq!(zone_of_path("../usr/share/zoneinfo/UTC"), Some("UTC"));
        assert_eq!(zone_of_path("/etc/elsewhere"), None);
    }

    #[test]
    fn the_variable_is_a_name_a_path_or_a_rule() {
        assert_eq!(variable(":Europe/Berlin").name, "Europe/Berlin");
        assert_eq!(variable("/usr/share/zoneinfo/Asia/Tokyo").name, "Asia/Tokyo");
        assert_eq!(variable("").name, "UTC");
        let rule = variable("EST5EDT4,M3.2.0,M11.1.0");
        assert_eq!((rule.name.as_str(), &rule.trouble), ("EST5EDT4,M3.2.0,M11.1.0", &None));
        let summer = "2026-07-01T00:00:00Z".parse().unwrap();
        assert_eq!(rule.zone.to_offset(summer).seconds(), -4 * 3_600);
        let wrong = variable("Europe/Nowhere");
        assert_eq!(wrong.name, "UTC");
        let trouble = wrong.trouble.unwrap();
        assert!(
            trouble.contains("Europe/Nowhere") && trouble.ends_with("UTC is used"),
            "{trouble}"
        );
    }

    #[test]
    fn a_copy_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let of = |file: &str| of_file(&at(file), &at("timezone"));
        fs::copy("/usr/share/zoneinfo/Asia/Tokyo", at("localtime")).unwrap();
        assert_eq!(of("localtime").name, "Asia/Tokyo");
        fs::write(at("timezone"), "Japan\n").unwrap();
        assert_eq!(of("localtime").zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), 32_400);
        // Rules that no zone of the database has.
        let rules = fs::read(at("localtime")).unwrap();
        let called = |name: &[u8; 3]| {
            let mut rules = rules.clone();
            for at in 0..rules.len() - 3 {
                if &rules[at..at + 3] == b"JST" {
                    rules[at..at + 3].copy_from_slice(name);
                }
            }
            rules
        };
        fs::write(at("localtime"), called(b"ABC")).unwrap();
        let one = of("localtime");
        assert!(one.name.starts_with("the machine's zone ("), "{one:?}");
        fs::write(at("other"), called(b"ABD")).unwrap();
        assert_ne!(of("other").name, one.name, "other rules, another name");
    }

    #[test]
    fn what_leads_nowhere_is_utc_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("/usr/share/zoneinfo/Europe/Nowhere", at("localtime")).unwrap();
        let found = of_file(&at("localtime"), &at("timezone"));
        assert_eq!(found.name, "UTC");
        assert!(found.trouble.is_some());
        fs::write(at("text"), "not a zone").unwrap();
        assert!(of_file(&at("text"), &at("timezone")).trouble.is_some());
        assert!(of_file(&at("missing"), &at("timezone")).trouble.is_none());
    }
}
