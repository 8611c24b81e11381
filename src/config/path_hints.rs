//! Warnings about paths and buckets that are taken as they are written, and were probably meant
//! otherwise: globs, addresses, variables, patterns outside of braces.

use std::ops::Range;

use super::problem::{Problem, WarningKind, cut};
use super::raw::RawPlace;
use crate::core::template::PathTemplate;

/// The strftime(3) letters that occur in dates of paths.
const LETTERS: &str = "YymbBdjHMSFTVG";

/// The characters that may separate two patterns of one date.
const BETWEEN: &str = "-_./:T ";

/// What was probably meant otherwise, as a message and a hint, at these bytes.
type Odd = (Range<usize>, String, String);

/// Warns about a place; about its path only where that `is_good`.
pub(crate) fn about(place: &RawPlace, is_good: bool, problems: &mut Vec<Problem>) {
    let path = place.path.as_ref().filter(|_| is_good).and_then(|found| {
        let text = &found.value.0;
        let odd = unrendered(text).or_else(|| odd_in_path(text));
        Some((found.at, odd.or_else(|| date_as_written(text))?))
    });
    let bucket = place.bucket.as_ref().and_then(|found| {
        let odd = odd_in_bucket(&found.value.0)?;
        Some((found.at, odd))
    });
    for (at, (bytes, message, hint)) in path.into_iter().chain(bucket) {
        let problem = Problem::warning(WarningKind::Other, at, message);
        problems.push(problem.inside(bytes).hint(hint));
    }
}

/// Finds `{{ name }}` in a text, as in templates of Jinja and Helm.
fn unrendered(text: &str) -> Option<Odd> {
    let start = text.find("{{")?;
    let end = start + text[start..].find("}}")? + 2;
    let inner = &text[start + 2..end - 2];
    let padded = inner.starts_with(' ') && inner.ends_with(' ');
    let is_name = padded || inner.starts_with('.');
    (is_name && !inner.contains(['{', '}'])).then(|| {
        let written = cut(&text[start..end]);
        (
            start..end,
            format!("`{written}` stands for literal braces: was it to be filled in?"),
            "templates of other programs are not rendered here; patterns of ours have single \
             braces: `{job}`, `{%Y-%m-%d}`"
                .to_owned(),
        )
    })
}

fn odd_in_path(text: &str) -> Option<Odd> {
    let whole = 0..text.len();
    if let Some((start, rest)) = address(text) {
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        return Some((
            0..start,
            "an address is taken for the names of folders".to_owned(),
            match path.is_empty() {
                true => format!("write `bucket: {}` beside it", cut(bucket)),
                false => format!("write `bucket: {}, path: {}`", cut(bucket), cut(path)),
            },
        ));
    }
    let (bytes, message, hint) = if text == "~" || text.starts_with("~/") {
        (0..1, "`~` is an ordinary folder here", "paths are those of the bucket: leave it out")
    } else if let Some(at) = text.find('\\') {
        (at..at + 1, "`\\` is an ordinary character here", "folders are parted by `/`")
    } else if let Some(at) = text.find('*') {
        (
            at..at + 1,
            "`*` is an ordinary character here: there are no globs",
            "name the folder, with a `/` at its end: all that is in it is transferred",
        )
    } else if let Some(bytes) = variable(text) {
        (
            bytes,
            "a variable of a shell is not filled in",
            "patterns are `{%Y-%m-%d}`, `{job}`, `{run}` and `{hostname}`",
        )
    } else if text.split('/').any(|part| matches!(part, "." | "..")) {
        (whole, "`.` and `..` are ordinary folders here", "write the path from the bucket on")
    } else {
        let at = months_of_minutes(text)?;
        (at, "`m` is minutes: the pattern shows none", "there are no months: count in `d` or `w`")
    };
    Some((bytes, message.to_owned(), hint.to_owned()))
}

fn odd_in_bucket(text: &str) -> Option<Odd> {
    let message = if address(text).is_some() || text.starts_with("arn:") {
        "an address is taken for the name of a bucket"
    } else if text.contains('/') {
        "`/` is an ordinary character here"
    } else if text.contains('*') {
        "`*` is an ordinary character here: there are no globs"
    } else if text.contains('{') {
        "patterns are not filled in in a bucket's name"
    } else if variable(text).is_some() {
        "a variable of a shell is not filled in"
    } else {
        return None;
    };
    let hint = "write the bucket's name alone: what lies in it is named by `path`, which may hold \
                patterns";
    Some((0..text.len(), message.to_owned(), hint.to_owned()))
}

/// The bytes of `s3://` at the beginning, and what follows.
fn address(text: &str) -> Option<(usize, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
    is_scheme.then_some((scheme.len() + 3, rest))
}

/// The bytes of `$NAME` or `${NAME}`.
fn variable(text: &str) -> Option<Range<usize>> {
    text.match_indices('$').find_map(|(at, _)| {
        let name = text[at + 1..].trim_start_matches('{');
        let length = name.len()
            - name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        begins.then_some(at..at + 1 + length)
    })
}

/// The offset in minutes of a pattern that shows no time of day: `{-1m:%Y-%m}`.
fn months_of_minutes(text: &str) -> Option<Range<usize>> {
    const OF_DAY: [char; 12] = ['H', 'I', 'k', 'l', 'M', 'S', 'T', 'R', 's', 'c', 'X', 'r'];
    text.match_indices('{').find_map(|(at, _)| {
        let inner = text[at + 1..].split('}').next()?;
        let (offset, pattern) = inner.split_once(':')?;
        let number = offset.strip_prefix(['-', '+'])?.strip_suffix('m')?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let shows = pattern.split('%').skip(1).any(|part| part.starts_with(OF_DAY));
        (is_number && !shows).then_some(at + 1..at + 1 + offset.len())
    })
}

/// A date outside of braces.
fn date_as_written(text: &str) -> Option<Odd> {
    let (bytes, meant) = date_outside_braces(text)?;
    let written = cut(&text[bytes.clone()]);
    let message = format!("`{written}` stands outside of braces, and is not filled in");
    Some((bytes, message, format!("did you mean `{}`?", cut(&meant))))
}

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
