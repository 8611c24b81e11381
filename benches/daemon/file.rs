//! The job files that are measured with.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A job file about an agent, without its jobs. `settings` are further keys of `agent`.
pub(crate) fn head(address: &str, settings: &str) -> String {
    format!(
        "agent: {{url: \"http://{address}\", token_file: token, max_active: 1000{settings}}}\n\
         accounts:\n\
         \x20 production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11\n\
         \x20 archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22\n\
         history: {{max_runs: 1000000}}\n\
         jobs:\n"
    )
}

/// As many nightly jobs as people have them, nine lines each. Each `edition` changes all of them.
pub(crate) fn nightly(jobs: usize, edition: usize) -> String {
    let mut text = String::new();
    for job in 0..jobs {
        let (minute, hour) = ((job + edition) % 60, 1 + job / 60 % 4);
        let hours = 2 + edition % 20;
        let _ = write!(
            text,
            "  {}:\n    description: Dailies of camera {job}\n\
             \x20   schedule: \"{minute} {hour} * * *\"\n    timezone: Europe/Berlin\n\
             \x20   source: {{account: production, bucket: footage, path: \"cam-{job}/{{-1d:%Y-%m-%d}}/\"}}\n\
             \x20   destination: {{account: archive, bucket: cold, path: \"cam-{job}/{{-1d:%Y-%m-%d}}/\"}}\n\
             \x20   timeout: {hours}h\n    retry: {{max_attempts: 3, initial_delay: 30s}}\n\
             \x20   overlap: skip\n",
            name(job)
        );
    }
    text
}

/// The name of the n-th job.
pub(crate) fn name(job: usize) -> String {
    format!("job-{job:03}")
}

/// Where the n-th job of [`due`] writes to.
pub(crate) fn destination(job: usize) -> String {
    format!("out/{job}/")
}

/// So many jobs that are all due at each time that this schedule names.
pub(crate) fn due(jobs: usize, schedule: &str) -> String {
    let mut text = String::new();
    for job in 0..jobs {
        let _ = writeln!(
            text,
            "  {}: {{schedule: \"{schedule}\", timezone: UTC, retry: {{max_attempts: 3}}, \
             source: {{account: production, bucket: footage, path: in/{job}/}}, \
             destination: {{account: archive, bucket: cold, path: {}}}}}",
            name(job),
            destination(job)
        );
    }
    text
}

/// The schedule that names this second of the day, in UTC: seconds, minutes, hours.
pub(crate) fn schedule_at(at: Timestamp) -> String {
    let at = at.to_zoned_datetime(TimeZone::UTC);
    format!("{} {} {} * * *", at.second(), at.minute(), at.hour())
}

/// The first full second that lies so many seconds ahead.
pub(crate) fn second_ahead(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(now.as_second() + 1 + seconds).unwrap_or(now)
}
