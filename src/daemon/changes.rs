//! The changes of a new job set, as a document: names, fields, and next occurrences.

use jiff::Timestamp;

use crate::config::{Difference, Differs};
use crate::control::changes::{ChangedJob, ChangesDocument, FieldChange, JobChange};
use crate::core::ids::JobName;
use crate::core::job::JobSet;

/// A document of the differences between two job sets; without an old one, all is new.
pub fn document(
    path: String,
    difference: Difference,
    old: Option<&JobSet>,
    new: &JobSet,
    now: Timestamp,
) -> ChangesDocument {
    let before = |name: &JobName| old.and_then(|old| next(old, name, now));
    let job = |name: JobName| JobChange {
        before: before(&name),
        after: next(new, &name, now),
        job: name.as_str().to_owned(),
    };
    let Difference { added, changed, removed, settings } = difference;
    ChangesDocument {
        added: added.into_iter().map(job).collect(),
        removed: removed.into_iter().map(job).collect(),
        changed: changed
            .into_iter()
            .map(|changed| ChangedJob {
                before: before(&changed.job),
                after: next(new, &changed.job, now),
                job: changed.job.as_str().to_owned(),
                fields: changed.fields.into_iter().map(field).collect(),
            })
            .collect(),
        settings: settings.into_iter().map(field).collect(),
        ..ChangesDocument::unchanged(path)
    }
}

fn field(differs: Differs) -> FieldChange {
    FieldChange { field: differs.field, old: differs.old, new: differs.new }
}

/// The job's next occurrence, in its zone; none for a job that is unscheduled or missing.
fn next(set: &JobSet, name: &JobName, now: Timestamp) -> Option<String> {
    let job = set.jobs.get(name).filter(|job| job.enabled)?;
    let at = job.timetable.next_after(now)?.to_zoned_datetime(job.timetable.zone().clone());
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}
