//! Finds date patterns in a path outside of braces, where they are ordinary characters.

use std::ops::Range;

use crate::core::template::PathTemplate;

/// The strftime(3) letters that occur in dates of paths.
const LETTERS: &str = "YymbBdjHMSFTVG";

/// The characters that may separate two patterns of one date.
const BETWEEN: &str = "-_./:T ";

/// The first date that is written outside of braces, and the same in braces.
///
/// A percent escape such as `%20` or `%AF` is not a pattern: digits or letters follow.
pub(crate) fn date_outside_braces(text: &str) -> Option<(Range<usize>, String)> {
    let is_outside = |at: usize| {
        let before = &text[..at];
        before.matches('{').count() == before.matches('}').count()
    };
    let mut starts = text.match_indices('%').map(|(at, _)| at);
    let start = starts.find(|at| is_outside(*at) && is_pattern(&text[*at..]))?;
    let mut end = start + 2;
    loop {
        let rest = &text[end..];
        let gap = rest.len() - rest.trim_start_matches(|c| BETWEEN.contains(c)).len();
        if !is_pattern(&rest[gap..]) {
            break;
        }
        end += gap + 2;
    }
    let meant = format!("{{{}}}", &text[start..end]);
    PathTemplate::parse(&meant).is_ok().then_some((start..end, meant))
}

/// Whether a text begins with `%Y` or the like, as a word of its own.
fn is_pattern(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next() == Some('%') && chars.next().is_some_and(|c| LETTERS.contains(c));
    begins && chars.next().is_none_or(|c| !c.is_alphanumeric() || (c == 'T' && is_time(&chars)))
}

/// Whether what follows the `T` of RFC 3339 is a time of day.
fn is_time(rest: &std::str::Chars<'_>) -> bool {
    rest.as_str().starts_with("%H")
}

#[cfg(test)]
mod tests {
    use super::date_outside_braces;

    #[test]
    fn a_date_outside_of_braces_is_seen_as_a_whole() {
        for (path, meant) in [
            ("%Y/%m/", Some("{%Y/%m}")),
            ("dailies/%Y-%m-%d/{job}", Some("{%Y-%m-%d}")),
            ("{job}/%Y%m%d", Some("{%Y%m%d}")),
            ("%Y-%m-%dT%H:%M", Some("{%Y-%m-%dT%H:%M}")),
            ("{%Y}/%m", Some("{%m}")),
            ("{%Y-%m-%d}/", None),
            ("a%20b%2Fc%AF/", None),
            ("100%", None),
            ("50%done", None),
            ("dailies/", None),
        ] {
            let found = date_outside_braces(path);
            assert_eq!(found.as_ref().map(|(_, meant)| meant.as_str()), meant, "{path}");
            if let Some((bytes, meant)) = found {
                assert_eq!(format!("{{{}}}", &path[bytes]), meant);
            }
        }
    }
}
