//! Regular expressions of the JSON Schema for values with a grammar of their own: schedules, paths,
//! durations, addresses.
//!
//! Each accepts everything that the parser accepts, and refuses most of what it refuses; errors
//! that a regular expression can't express (a range that runs backwards, a day that never comes)
//! are left to the parser. They keep to the common part of ECMA-262 and Rust's `regex`, without
//! look-ahead.

/// Numbers with units; days come first only, as in `2d12h`.
pub(crate) const SPAN: &str = r"^\d+(ms|s|m|h|d)( *\d+(ms|s|m|h))*$";

/// A duration of zero, which most keys refuse.
pub(crate) const ZERO_SPAN: &str = "^[0a-z ]+$";

/// Text with a visible character and no control characters.
pub(crate) const NAME: &str = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$";

/// Any text without control characters.
pub(crate) const PART: &str = r"^[^\x00-\x1f\x7f]*$";

/// A key that names a job or an account.
pub(crate) const KEY: &str = r"^[^\s\x00-\x1f\x7f/-]([^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/])?$";

/// Text that looks like the id of a run or an account.
pub(crate) const UUID: &str =
    "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";

/// The IANA name of a zone, as far as its form can be checked.
pub(crate) const ZONE: &str = r"^[A-Za-z][A-Za-z0-9_-]*(/[A-Za-z0-9_+-]+)*$";

/// The login name of a user (useradd(8); winbind's are `DOMAIN\\name`).
pub(crate) const USER: &str = r"^[^\s\x00-\x1f\x7f:/,-][^\x00-\x1f\x7f:/,]*$";

/// The name of an environment variable.
pub(crate) const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// A plain http address with nothing but scheme, host, port and path.
pub(crate) const AGENT_URL: &str =
    r"^[Hh][Tt][Tt][Pp]://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:0*[1-9]\d{0,4})?(/[^\s?#]*)?$";

/// The same, over http or https.
pub(crate) const PUBLIC_URL: &str =
    r"^[Hh][Tt][Tt][Pp][Ss]?://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:0*[1-9]\d{0,4})?(/[^\s?#]*)?$";

/// Address and port.
pub(crate) const LISTEN: &str = r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9A-Fa-f:.%]+\]):0*([0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$";

/// A path whose braces hold known patterns.
pub(crate) const PATH: &str = r"^([^{}\x00-\x1f\x7f]|\{\{|\}\}|\{(job|run|hostname|%[^{}\x00-\x1f\x7f]*|[+-](\d+[wdhms])+:[^{}%\x00-\x1f\x7f]*%[^{}\x00-\x1f\x7f]*)\})*$";

/// Five fields of a schedule, six, or a macro.
pub(crate) fn schedule() -> String {
    let minute = field("0*[0-5]?[0-9]");
    let hour = field("0*(1?[0-9]|2[0-3])");
    let day = field("0*([1-9]|[12][0-9]|3[01])");
    let month = field(&format!(
        "(0*([1-9]|1[0-2])|{})",
        words("jan feb mar apr may jun jul aug sep oct nov dec")
    ));
    let weekday = field(&format!("(0*[0-7]|{})", words("sun mon tue wed thu fri sat")));
    let macros = words("hourly daily midnight weekly monthly yearly annually");
    let blank = "[ \\t]+";
    format!(
        "^\\s*(@({macros})|({minute}{blank})?{minute}{blank}{hour}{blank}{day}{blank}{month}{blank}{weekday})\\s*$"
    )
}

/// A list of values, ranges and `*`, the latter two with a step where wanted.
fn field(value: &str) -> String {
    let step = "(/0*[1-9][0-9]{0,2})?";
    let item = format!("(\\*{step}|{value}(-{value}{step})?)");
    format!("{item}(,{item})*")
}

/// Some words, in any letter case.
fn words(words: &str) -> String {
    let any_case = |word: &str| -> String {
        word.chars().map(|c| format!("[{}{c}]", c.to_ascii_uppercase())).collect()
    };
    words.split(' ').map(any_case).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::{PATH, schedule};
    use crate::core::schedule::Schedule;
    use crate::core::template::PathTemplate;

    #[test]
    fn what_people_often_get_wrong_is_refused() {
        let schedule = Regex::new(&schedule()).unwrap();
        for good in
            ["30 2 * * *", "@Daily", " */5 8-18 * * mon-FRI ", "0 0 0 1,15 * 7", "05 3 * * *"]
        {
            assert!(schedule.is_match(good), "{good}");
        }
        for bad in [
            "60 * * * *",
            "* 24 * * *",
            "5/15 * * * *",
            "0 0 L * *",
            "@evry",
            "* * * *",
            "*/0 * * * *",
        ] {
            assert!(!schedule.is_match(bad), "{bad}");
        }
        let path = Regex::new(PATH).unwrap();
        assert!(path.is_match("a/{-1d:%F}/{job}/{{x}}"));
        for bad in ["{foo}", "{-1d}", "a{", "}", "{}", "{ %Y}"] {
            assert!(!path.is_match(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_the_parser_takes_the_patterns_take(
            words in prop::collection::vec("([0-9*]{1,2}|mon|JAN)(-[0-9]{1,2})?(/[0-9]{1,2})?(,[0-9]{1,2})?", 4..7),
            text in "([{}%a-z:+-]|[0-9]d|\\{%[YmdHM]\\}){0,12}",
        ) {
            let expression = words.join(" ");
            if Schedule::parse(&expression).is_ok() {
                prop_assert!(Regex::new(&schedule()).unwrap().is_match(&expression), "{}", expression);
            }
            if PathTemplate::parse(&text).is_ok() {
                prop_assert!(Regex::new(PATH).unwrap().is_match(&text), "{}", text);
            }
        }
    }
}
