//! Selects jobs as people name them: by name, or by a glob that matches several.
//!
//! A name that matches nothing is not an error here: the caller knows the jobs and reports it. No
//! job's name contains a glob character.

use globset::{Glob, GlobMatcher};

use super::ids::JobName;
use super::limits::JOB_GLOB_BYTES;
use super::plain::composed;

/// A word that selects jobs.
#[derive(Clone, Debug)]
pub enum JobWord {
    /// One job.
    Name(JobName),
    /// Every job that the glob matches.
    Glob(GlobMatcher),
}

/// Whether a word is a glob.
pub fn is_glob(word: &str) -> bool {
    word.contains(['*', '?', '[', '{'])
}

impl JobWord {
    /// Parses a word.
    ///
    /// # Errors
    /// A message: the glob is not valid.
    pub fn parse(word: &str) -> Result<Self, String> {
        if !is_glob(word) {
            return Ok(Self::Name(JobName::new(word)));
        }
        if word.len() > JOB_GLOB_BYTES {
            return Err(format!("a glob for jobs has at most {JOB_GLOB_BYTES} bytes"));
        }
        match Glob::new(&composed(word)) {
            Ok(glob) => Ok(Self::Glob(glob.compile_matcher())),
            Err(error) => Err(format!("`{word}` is not a valid glob: {}", error.kind())),
        }
    }

    /// Whether it selects this job.
    pub fn means(&self, job: &JobName) -> bool {
        match self {
            Self::Name(name) => name == job,
            Self::Glob(glob) => glob.is_match(job.as_str()),
        }
    }
}

/// The jobs that a list of words covers: those that at least one word selects, or all if there is
/// no word, as in `jobs` of an alert.
#[derive(Clone, Debug, Default)]
pub struct CoveredJobs {
    /// Absent for all.
    words: Option<Vec<JobWord>>,
}

impl CoveredJobs {
    /// The jobs that these words cover.
    ///
    /// # Errors
    /// A message: one of them is not a valid glob.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let meant: Result<Vec<_>, _> = words.iter().map(|word| JobWord::parse(word)).collect();
        Ok(Self { words: Some(meant?).filter(|words| !words.is_empty()) })
    }

    /// The same for words that were checked before, as those of the job file are. A word that is
    /// not valid after all selects no job: then fewer jobs are covered, and never all because no
    /// word is left.
    pub fn of(words: &[String]) -> Self {
        let meant = || words.iter().filter_map(|word| JobWord::parse(word).ok()).collect();
        Self { words: (!words.is_empty()).then(meant) }
    }

    /// True if the job is covered.
    pub fn cover(&self, job: &JobName) -> bool {
        self.words.as_ref().is_none_or(|words| words.iter().any(|word| word.means(job)))
    }
}

/// The jobs that words select, each once, in the order of the words: a name selects itself, known
/// or not, a glob those of `jobs` that it matches.
///
/// # Errors
/// A message: a glob is not valid, or matches no job.
pub fn names_meant<'a>(
    words: &[String],
    jobs: impl Iterator<Item = &'a JobName> + Clone,
) -> Result<Vec<JobName>, String> {
    let mut meant: Vec<JobName> = Vec::new();
    for word in words {
        let fitting = match JobWord::parse(word)? {
            JobWord::Name(name) => vec![name],
            JobWord::Glob(glob) => {
                let fitting = jobs.clone().filter(|job| glob.is_match(job.as_str()));
                fitting.cloned().collect()
            }
        };
        if fitting.is_empty() {
            return Err(format!("no job is named like `{word}`"));
        }
        for job in fitting {
            if !meant.contains(&job) {
                meant.push(job);
            }
        }
    }
    Ok(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(words: &[&str]) -> Result<Vec<String>, String> {
        let jobs = ["dailies-a", "dailies-b", "weekly"].map(JobName::new);
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let names = names_meant(&words, jobs.iter())?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn no_word_covers_all_jobs_and_a_bad_one_none() {
        let covered = |words: &[&str], job: &str| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let job = JobName::new(job);
            let parsed = CoveredJobs::parse(&words).map(|jobs| jobs.cover(&job));
            (parsed.ok(), CoveredJobs::of(&words).cover(&job))
        };
        assert_eq!(covered(&[], "weekly"), (Some(true), true));
        assert_eq!(covered(&["weekly"], "weekly"), (Some(true), true));
        assert_eq!(covered(&["weekly"], "weekly-2"), (Some(false), false));
        assert_eq!(covered(&["daily-*", "weekly"], "weekly"), (Some(true), true));
        assert_eq!(covered(&["daily-*"], "daily-a"), (Some(true), true));
        assert_eq!(covered(&["daily[a"], "daily-a"), (None, false));
        assert_eq!(covered(&["daily[a", "week*"], "weekly"), (None, true));
    }

    #[test]
    fn a_glob_means_the_jobs_that_it_fits_and_each_job_once() {
        assert_eq!(meant(&["dailies-*"]).unwrap(), ["dailies-a", "dailies-b"]);
        assert_eq!(
            meant(&["weekly", "*", "weekly"]).unwrap(),
            ["weekly", "dailies-a", "dailies-b"]
        );
        assert_eq!(meant(&["nobody-knows-it"]).unwrap(), ["nobody-knows-it"]);
        assert!(meant(&["monthly-*"]).unwrap_err().contains("named like `monthly-*`"));
        assert!(meant(&["daily[a"]).unwrap_err().contains("not a valid glob"));
        assert!(meant(&[&"*".repeat(JOB_GLOB_BYTES + 1)]).is_err());
    }
}
