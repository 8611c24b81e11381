//! Time zones by name: from the machine's database, or from the copy that was kept with the last
//! good texts, so that a name that has left the machine does not take the jobs with it.
//!
//! Knows where the database lies, to say which files are to be watched; suggestions for a wrong
//! name are the business of `cities`.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::bounds::ZONE_BYTES;
use super::cities;

/// Where jiff looks for the database, after `$TZDIR`.
const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];

/// A zone's rules at the time when the job file was read (RFC 9636, in base64).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptZone {
    name: String,
    rules: String,
}

impl KeptZone {
    /// The zone's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// True for other rules of the same zone.
    pub(crate) fn is_of_same_name(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Zones by name, each looked up once.
#[derive(Debug)]
pub(crate) struct Zones<'k> {
    kept: &'k [KeptZone],
    known: HashMap<String, Result<(String, TimeZone), String>>,
}

impl<'k> Zones<'k> {
    /// The machine's zones, and as a fallback the kept ones.
    pub(crate) fn new(kept: &'k [KeptZone]) -> Self {
        Self { kept, known: HashMap::new() }
    }

    /// A zone with its canonical name; or a suggestion.
    pub(crate) fn get(&mut self, name: &str) -> &Result<(String, TimeZone), String> {
        let kept = self.kept;
        self.known
            .entry(name.to_owned())
            .or_insert_with(|| look_up(name, kept).ok_or_else(|| cities::hint(name)))
    }
}

fn look_up(name: &str, kept: &[KeptZone]) -> Option<(String, TimeZone)> {
    // These need no database.
    if ["UTC", "Etc/UTC"].iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
        return Some(("UTC".to_owned(), TimeZone::UTC));
    }
    if let Ok(zone) = TimeZone::get(name)
        && let Some(own) = zone.iana_name().map(str::to_owned)
    {
        return Some((own, zone));
    }
    let kept = kept.iter().find(|zone| zone.name.eq_ignore_ascii_case(name))?;
    let rules = STANDARD.decode(&kept.rules).ok()?;
    Some((kept.name.clone(), TimeZone::tzif(&kept.name, &rules).ok()?))
}

/// The files of these zones, to be watched, and their content, to be kept. For a zone without a
/// file, the folder where it would be.
pub(crate) fn files<'n>(
    names: impl Iterator<Item = &'n str>,
) -> BTreeMap<PathBuf, Option<KeptZone>> {
    let folder = folder();
    names
        .filter(|name| *name != "UTC" && is_plain(name))
        .map(|name| {
            let path = folder.join(name);
            let rules = fs::metadata(&path).ok().filter(|found| found.len() <= ZONE_BYTES);
            let rules = rules.and_then(|_| fs::read(&path).ok());
            let kept = rules
                .map(|rules| KeptZone { name: name.to_owned(), rules: STANDARD.encode(rules) });
            (path, kept)
        })
        .collect()
}

/// The folder of the machine's zone database.
fn folder() -> PathBuf {
    let named = env::var_os("TZDIR").map(PathBuf::from);
    let known = FOLDERS.iter().map(PathBuf::from);
    let mut folders = named.into_iter().chain(known);
    folders.find(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from(FOLDERS[0]))
}

/// True for a name that stays below the database's folder.
fn is_plain(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    Path::new(name).is_relative() && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_needs_no_database_and_kept_zones_stand_in_for_lost_ones() {
        assert_eq!(look_up("UTC", &[]).unwrap().0, "UTC");
        assert_eq!(look_up("etc/utc", &[]).unwrap().1, TimeZone::UTC);
        let berlin = files(["Europe/Berlin"].into_iter());
        let rules = berlin.into_values().next().flatten().unwrap().rules;
        let kept = [KeptZone { name: "Europe/Gone".to_owned(), rules }];
        assert!(look_up("Europe/Gone", &[]).is_none());
        let (name, zone) = look_up("Europe/gone", &kept).unwrap();
        let summer = "2026-07-01T00:00:00Z".parse().unwrap();
        assert_eq!((name.as_str(), zone.to_offset(summer).seconds()), ("Europe/Gone", 7_200));
    }

    #[test]
    fn names_do_not_lead_out_of_the_database() {
        for name in ["../../etc/shadow", "/etc/passwd", "Europe//Berlin", "UTC", ""] {
            assert!(files([name].into_iter()).is_empty(), "{name}");
        }
    }
}
