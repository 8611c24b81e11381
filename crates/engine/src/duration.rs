//! Durations as people write them in the job file and on the command line: `500ms`, `90s`,
//! `1h30m`, `1h 30m`, `2d`.
//!
//! Every number has a unit, nothing is negative or fractional, and units go from large to small,
//! each once: a text can be read in only one way. A day is 24 hours. Weeks and months are not units
//! here; the error says how many days to write. [`format`] prints a duration so that [`parse`]
//! reads the same length back.

use std::fmt;

use jiff::SignedDuration;

/// The shortest duration that a setting may have: timers are precise enough for it.
pub const MIN: SignedDuration = SignedDuration::from_millis(10);

/// The longest duration that a setting may have.
pub const MAX: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Units from large to small, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// No valid duration has more characters; longer text is neither parsed nor echoed.
const TEXT_MAX: usize = 60;

/// Why a text is not a duration, or not one that a setting may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError {
    /// The problem.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl DurationError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DurationError {}

const LONGEST: &str = "365d is the longest";

const EXAMPLES: &str = "durations are written as `500ms`, `90s`, `1h30m` or `2d`";

/// Parses a duration of any length, from 0; [`check_range`] checks its limits.
///
/// # Errors
///
/// The error in the text, and what to write instead.
pub fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::new("a duration is empty", EXAMPLES));
    }
    if text.len() > TEXT_MAX {
        return Err(DurationError::new("a duration is far too long a text", EXAMPLES));
    }
    match parse_strictly(text) {
        Ok(millis) => Ok(from_millis(millis)),
        Err(problem) => Err(problem.explain(text)),
    }
}

/// Why the strict reading stopped.
enum Problem {
    NotANumber,
    NoUnit(u64),
    UnknownUnit(String),
    Order,
    TooLarge,
}

fn parse_strictly(text: &str) -> Result<u64, Problem> {
    let mut total: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(Problem::NotANumber);
        }
        let number: u64 = rest[..digits].parse().map_err(|_| Problem::TooLarge)?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let unit = &rest[..letters];
        if unit.is_empty() {
            return Err(if rest.is_empty() {
                Problem::NoUnit(number)
            } else {
                Problem::NotANumber
            });
        }
        if !UNITS.iter().any(|(known, _)| *known == unit) {
            return Err(Problem::UnknownUnit(unit.to_owned()));
        }
        // Earlier units are used up, and this one too.
        let Some((_, millis)) = units.find(|(known, _)| *known == unit) else {
            return Err(Problem::Order);
        };
        total = number
            .checked_mul(*millis)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= i64::MAX as u64)
            .ok_or(Problem::TooLarge)?;
        rest = &rest[letters..];
        // Parts may stand apart: `1h 30m`.
        let next = rest.trim_start_matches(' ');
        if next.starts_with(|c: char| c.is_ascii_digit()) {
            rest = next;
        }
    }
    Ok(total)
}

impl Problem {
    fn explain(self, text: &str) -> DurationError {
        let message = format!("`{text}` is not a duration");
        if text.starts_with('-') {
            return DurationError::new(format!("`{text}` is negative"), EXAMPLES);
        }
        // A text that would be valid in the usual form: suggest that form.
        if let Some(meant) = meant(text) {
            let fits = parse(&meant).is_ok_and(|meant| meant <= MAX);
            let hint = if fits { format!("write `{meant}`") } else { LONGEST.to_owned() };
            return DurationError::new(message, hint);
        }
        match self {
            Self::NotANumber => DurationError::new(message, EXAMPLES),
            Self::NoUnit(0) => {
                DurationError::new(format!("`{text}` has no unit"), "write `0s`".to_owned())
            }
            Self::NoUnit(_) => DurationError::new(
                format!("`{text}` ends without a unit"),
                match after_unit(text) {
                    Some(unit) => format!("write `{text}{unit}`"),
                    None => format!(
                        "write `{text}s` for seconds, `{text}m` for minutes, `{text}h` for hours \
                         or `{text}d` for days"
                    ),
                },
            ),
            Self::UnknownUnit(unit) => DurationError::new(
                format!("`{unit}` in `{text}` is not a unit"),
                "units are `ms`, `s`, `m`, `h` and `d`",
            ),
            Self::Order => DurationError::new(message, "units go from large to small, each once"),
            Self::TooLarge => DurationError::new(format!("`{text}` is too long"), LONGEST),
        }
    }
}

/// The unit that follows the last one in a text: in `4h30` minutes.
fn after_unit(text: &str) -> Option<&'static str> {
    let units = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let last = UNITS.iter().position(|(unit, _)| {
        units.strip_suffix(unit).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
    })?;
    UNITS.get(last + 1).map(|(unit, _)| *unit)
}

/// The duration that a text means in any form that is understood, though not accepted.
pub(crate) fn loosely(text: &str) -> Option<SignedDuration> {
    parse(text).ok().or_else(|| parse(&meant(text)?).ok())
}

/// The probable meaning of a text in another form: with blanks, upper case, fractions, longer names
/// of units, weeks, ISO 8601, or units in another order.
fn meant(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let iso = rest.starts_with(['P', 'p']);
    rest = rest.trim_start_matches(['P', 'p', '+']);
    let mut total: u64 = 0;
    let mut time_part = !iso;
    let mut any = false;
    while !rest.is_empty() {
        if iso && !time_part && rest.starts_with(['T', 't']) {
            time_part = true;
            rest = &rest[1..];
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let whole: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let mut thousandths: u64 = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits =
                fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if !(1..=3).contains(&digits) {
                return None;
            }
            thousandths = format!("{:0<3}", &fraction[..digits]).parse().ok()?;
            rest = &fraction[digits..];
        }
        rest = rest.trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        // In ISO 8601 the whole text is digits and single letters.
        let letters = if iso { letters.min(1) } else { letters };
        let unit = unit_of(&rest[..letters])?;
        if iso && !time_part && unit < 86_400_000 {
            return None;
        }
        let part = whole.checked_mul(unit)?;
        let scaled = thousandths.checked_mul(unit)?;
        if !scaled.is_multiple_of(1_000) {
            return None;
        }
        total = total.checked_add(part)?.checked_add(scaled / 1_000)?;
        rest = rest[letters..].trim_start().trim_start_matches(',').trim_start();
        any = true;
    }
    let millis = i64::try_from(total).ok()?;
    any.then(|| format(SignedDuration::from_millis(millis)))
}

/// The milliseconds of a unit by any of its usual names.
fn unit_of(name: &str) -> Option<u64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "wk" | "week" | "weeks" => 7 * 86_400_000,
        "y" | "yr" | "year" | "years" => 365 * 86_400_000,
        _ => return None,
    })
}

fn from_millis(millis: u64) -> SignedDuration {
    // `parse_strictly` has checked the bound.
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The delay after so many tries: the first one, doubled with each further try, up to the longest.
pub fn doubling((first, longest): (SignedDuration, SignedDuration), tries: u32) -> SignedDuration {
    let seconds = first.as_secs().saturating_mul(1 << tries.saturating_sub(1).min(20));
    SignedDuration::from_secs(seconds).min(longest)
}

/// Checks the length of a setting: 10 ms to 365 days (docs/reference.md, "Job file"). Whether 0 is
/// allowed is the caller's decision.
///
/// # Errors
///
/// The bound that is exceeded.
pub fn check_range(duration: SignedDuration) -> Result<(), DurationError> {
    if duration < MIN {
        let given = format(duration);
        return Err(DurationError::new(format!("`{given}` is too short"), "10ms is the shortest"));
    }
    if duration > MAX {
        let given = format(duration);
        return Err(DurationError::new(format!("`{given}` is too long"), "365d is the longest"));
    }
    Ok(())
}

/// The milliseconds of an hour.
const HOUR: u128 = 3_600_000;

/// The text that [`parse`] reads back to the same length: `1h30m`. Fractions of a millisecond are
/// cut off; a negative duration is given a `-`, which [`parse`] refuses. Up to two days, whole
/// hours are written as such: `24h`, `26h`, as people write them.
pub fn format(duration: SignedDuration) -> String {
    let mut rest = duration.as_millis().unsigned_abs();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if duration.is_negative() { "-" } else { "" });
    if rest.is_multiple_of(HOUR) && rest < 48 * HOUR {
        text.push_str(&format!("{}h", rest / HOUR));
        return text;
    }
    for (unit, millis) in UNITS {
        let count = rest / u128::from(millis);
        rest %= u128::from(millis);
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    text
}

/// A measured duration for people, rounded to what is shown: in seconds up to a minute, in minutes
/// up to an hour, in hours up to a day, in days from then on, with the next smaller unit beside it
/// while there are fewer than ten. A token for 365 days is not one for 364 a second later.
pub fn span(duration: SignedDuration) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = duration.as_secs().max(0);
    let rounded = |unit: i64| (seconds.saturating_add(unit / 2)) / unit;
    let pair = |count: i64, unit: &str, rest: i64, smaller: &str| match rest {
        0 => format!("{count} {unit}"),
        rest => format!("{count} {unit} {rest} {smaller}"),
    };
    // A duration that rounds up to a whole larger unit is told in that unit.
    let (minutes, hours, days) = (rounded(MINUTE), rounded(HOUR), rounded(DAY));
    if seconds == 0 {
        format!("{} ms", duration.as_millis().max(0))
    } else if seconds < MINUTE {
        format!("{seconds} s")
    } else if seconds < 10 * MINUTE {
        pair(seconds / MINUTE, "min", seconds % MINUTE, "s")
    } else if minutes < 60 {
        format!("{minutes} min")
    } else if minutes < 600 {
        pair(minutes / 60, "h", minutes % 60, "min")
    } else if hours < 24 {
        format!("{hours} h")
    } else if hours < 240 {
        pair(hours / 24, "d", hours % 24, "h")
    } else {
        format!("{days} d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        i64::try_from(parse(text).unwrap().as_millis()).unwrap()
    }

    fn refused(text: &str) -> (String, String) {
        let error = parse(text).unwrap_err();
        (error.message, error.hint.unwrap())
    }

    #[test]
    fn the_contracts_forms_are_read() {
        assert_eq!(ms("500ms"), 500);
        assert_eq!(ms("90s"), 90_000);
        assert_eq!(ms("1h30m"), 5_400_000);
        assert_eq!(ms("2d"), 172_800_000);
        assert_eq!(ms("1h 30m"), 5_400_000);
        assert_eq!(ms("1d  2h 3m"), 93_780_000);
        assert_eq!(ms("1d2h3m4s5ms"), 93_784_005);
        assert_eq!(ms("0s"), 0);
    }

    #[test]
    fn other_forms_are_refused_with_the_right_one() {
        for (text, hint) in [
            ("1 h 30 m", "write `1h30m`"),
            ("1h 30m ", "write `1h30m`"),
            ("30m1h", "write `1h30m`"),
            ("30m30m", "write `1h`"),
            ("1.5h", "write `1h30m`"),
            ("0.25s", "write `250ms`"),
            ("5min", "write `5m`"),
            ("2 hours", "write `2h`"),
            ("1 day, 2 hours", "write `26h`"),
            ("2H", "write `2h`"),
            ("1w", "write `7d`"),
            ("PT1H30M", "write `1h30m`"),
            ("P1DT2H", "write `26h`"),
            (" 5s", "write `5s`"),
            ("0", "write `0s`"),
            ("30", "write `30s` for seconds, `30m` for minutes, `30h` for hours or `30d` for days"),
            ("4h30", "write `4h30m`"),
            ("1y", "write `365d`"),
            ("3y", LONGEST),
            ("3q", "units are `ms`, `s`, `m`, `h` and `d`"),
            ("P1M", EXAMPLES),
            ("abc", EXAMPLES),
            ("", EXAMPLES),
            ("-5m", EXAMPLES),
            ("99999999999999999999s", "365d is the longest"),
            ("9999999999999999d", "365d is the longest"),
        ] {
            assert_eq!(refused(text).1, hint, "{text}");
        }
        assert_eq!(refused("-5m").0, "`-5m` is negative");
        assert_eq!(refused("3q").0, "`q` in `3q` is not a unit");
    }

    #[test]
    fn settings_last_from_10_ms_to_365_days() {
        assert!(check_range(parse("10ms").unwrap()).is_ok());
        assert!(check_range(parse("365d").unwrap()).is_ok());
        assert_eq!(check_range(parse("9ms").unwrap()).unwrap_err().message, "`9ms` is too short");
        assert_eq!(check_range(parse("0s").unwrap()).unwrap_err().message, "`0s` is too short");
        let error = check_range(parse("365d1ms").unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "`365d1ms` is too long (365d is the longest)");
    }

    #[test]
    fn whole_hours_are_written_as_such_up_to_two_days() {
        for text in ["1h", "24h", "26h", "47h", "2d", "2d1h", "1d30m", "90s", "1h30m"] {
            let text = text.replace("90s", "1m30s");
            assert_eq!(format(parse(&text).unwrap()), text);
        }
    }

    #[test]
    fn a_duration_is_rounded_to_what_is_shown() {
        let told = |seconds| span(SignedDuration::from_secs(seconds));
        let (minute, hour, day) = (60, 3_600, 86_400);
        for (seconds, words) in [
            (59, "59 s"),
            (minute, "1 min"),
            (10 * minute - 1, "9 min 59 s"),
            (hour - 31, "59 min"),
            (hour - 30, "1 h"),
            (2 * hour - 1, "2 h"),
            (10 * hour - 31, "9 h 59 min"),
            (10 * hour - 1, "10 h"),
            (23 * hour, "23 h"),
            (day - 1, "1 d"),
            (42 * hour, "1 d 18 h"),
            (2 * day - 1, "2 d"),
            (2 * day + hour, "2 d 1 h"),
            (10 * day - 1, "10 d"),
            (365 * day - 1, "365 d"),
            (364 * day, "364 d"),
        ] {
            assert_eq!(told(seconds), words);
        }
        assert_eq!(told(i64::MAX).split(' ').next_back(), Some("d"));
    }
}
