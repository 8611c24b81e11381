//! "Did you mean": finds the known word that a misspelt one was probably meant to be.
//!
//! Does not know where the words come from. Never suggests a word that has little in common with
//! the given one: no suggestion is better than a silly one.

/// The candidate closest to `word`, or none if all are far away. Letter case is ignored.
///
/// A word that starts with a candidate of at least three letters (`monday`, `mon`), or the other
/// way round, is close; else so is one that differs in at most a third of its letters.
pub fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Longer words are not typing errors; comparing them would cost their square.
    const LONGEST: usize = 40;
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let by_letters = candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (candidate.chars().count().max(word.chars().count()) / 3).max(1)
                && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| *candidate);
    by_letters.or_else(|| {
        candidates
            .iter()
            .copied()
            .filter(|candidate| {
                let candidate = candidate.to_lowercase();
                let (short, long) = if candidate.len() < word.len() {
                    (candidate.as_str(), word.as_str())
                } else {
                    (word.as_str(), candidate.as_str())
                };
                short.len() >= 3 && long.starts_with(short)
            })
            .max_by_key(|candidate| candidate.len())
    })
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn misspelt_and_longer_words_find_their_neighbour() {
        assert_eq!(closest("moon", &["sun", "mon"]), Some("mon"));
        assert_eq!(closest("Monday", &["sun", "mon"]), Some("mon"));
        assert_eq!(closest("hostnme", &["job", "run", "hostname"]), Some("hostname"));
        assert_eq!(closest("@dayly", &["@daily", "@weekly"]), Some("@daily"));
    }

    #[test]
    fn strangers_are_not_suggested() {
        assert_eq!(closest("x", &["sun", "mon"]), None);
        assert_eq!(closest("", &["sun"]), None);
        assert_eq!(closest("bucket", &["job", "run"]), None);
        assert_eq!(closest(&"m".repeat(1_000), &["mon"]), None);
    }
}
