//! Error hints for syntax of other cron dialects that this one does not have.
//!
//! Only supplies words: text that is not recognized here is refused by the parser anyway. Each hint
//! says what to write instead, where crontab(5) can express it at all.

use std::ops::Range;

use super::error::ScheduleError;
use super::field::FieldKind;
use crate::duration;
use crate::suggest;

/// The error for a list entry in another dialect.
pub(super) fn of_item(kind: FieldKind, text: &str, span: Range<usize>) -> Option<ScheduleError> {
    let field = kind.name();
    let upper = text.to_ascii_uppercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (what, hint) = if text.starts_with('!') {
        ("`!` (all but)", "list those that are meant: `mon,tue,thu,fri`".to_owned())
    } else if text.contains('?') {
        ("`?` (no value)", "write `*`".to_owned())
    } else if text.contains('#') {
        let day = text.split('#').next().filter(|day| !day.is_empty()).unwrap_or("5");
        (
            "`#` (the nth weekday of the month)",
            format!(
                "cron(8) has no such day: write `{day}` for every week, or list days of the month"
            ),
        )
    } else if upper == "LW" || upper == "W" || upper.strip_suffix('W').is_some_and(digits) {
        let day = upper.trim_end_matches('W');
        let day = if digits(day) { day } else { "28" };
        (
            "`W` (the nearest weekday)",
            format!("cron(8) has no such day: write `{day}`, or `1-5` in the day-of-week field"),
        )
    } else if upper == "L"
        || upper.starts_with("L-")
        || upper.strip_suffix('L').is_some_and(|day| digits(day) || weekday(day))
    {
        let hint = match kind {
            FieldKind::DayOfWeek if upper != "L" => format!(
                "cron(8) has no such day: write `{}` for every week",
                &text[..text.len() - 1]
            ),
            FieldKind::DayOfWeek => "write `6` or `sat`".to_owned(),
            FieldKind::Second
            | FieldKind::Minute
            | FieldKind::Hour
            | FieldKind::DayOfMonth
            | FieldKind::Month => {
                "cron(8) has no such day: run on the day after it, `1`, and write \
                                   `{-1d:%Y-%m-%d}` in paths for the date of the day before"
                    .to_owned()
            }
        };
        ("`L` (the last day)", hint)
    } else if upper == "H" || upper.starts_with("H/") || upper.starts_with("H(") {
        ("`H` (hashed)", "write a number, and set `jitter` to spread jobs out".to_owned())
    } else if text.contains('~') {
        ("`~` (a random value)", "write a number, and set `jitter` to spread jobs out".to_owned())
    } else if text.contains("..") {
        let range = text.replace("..", "-");
        ("`..`", format!("write `{}`", range.replace("--", "-")))
    } else {
        return None;
    };
    Some(
        ScheduleError::at(
            span,
            format!("{what} is not supported, in `{text}` of the {field} field"),
        )
        .hint(hint),
    )
}

fn weekday(text: &str) -> bool {
    ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"].contains(&text)
}

/// A hint for a number that is out of range.
pub(super) fn of_number(kind: FieldKind, text: &str) -> Option<String> {
    match (kind, text) {
        (FieldKind::Hour, "24") => Some("midnight is hour `0`".to_owned()),
        (FieldKind::Minute, "60") => Some("`0` is the full hour, `*` is every minute".to_owned()),
        (FieldKind::Second, "60") => Some("`0` is the full minute, `*` is every second".to_owned()),
        (FieldKind::DayOfMonth, "0") => Some("the first day of a month is `1`".to_owned()),
        (FieldKind::Month, "0" | "13") => Some("January is `1`, December is `12`".to_owned()),
        (FieldKind::DayOfWeek, "8") => Some("Sunday is `0` or `7`".to_owned()),
        (FieldKind::DayOfWeek | FieldKind::Month, year) if year.len() == 4 => {
            Some("a schedule has no field for years: leave it out".to_owned())
        }
        (
            FieldKind::Second
            | FieldKind::Minute
            | FieldKind::Hour
            | FieldKind::DayOfMonth
            | FieldKind::Month
            | FieldKind::DayOfWeek,
            _,
        ) => None,
    }
}

/// The known macros, with their meaning.
pub(super) const MACROS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The error for a text that starts with `@` and is not a macro.
pub(super) fn of_macro(text: &str, span: Range<usize>) -> ScheduleError {
    let word = text.split_ascii_whitespace().next().unwrap_or(text);
    let lower = word.to_ascii_lowercase();
    if lower == "@reboot" {
        return ScheduleError::at(span, "`@reboot` is not supported: it names no time").hint(
            "leave `schedule` out, and run `transferd trigger JOB` from a unit that starts at boot",
        );
    }
    if lower == "@every" {
        return ScheduleError::at(span, "`@every` is not supported").hint(
            "write fields: `*/5 * * * *` is every five minutes, `0 */2 * * *` every two hours",
        );
    }
    let of_days = [("@weekday", "mon-fri"), ("@workday", "mon-fri"), ("@weekend", "sat,sun")];
    let days = of_days.iter().find(|(name, _)| lower.trim_end_matches('s') == *name);
    if let Some((_, days)) = days {
        return ScheduleError::at(span, format!("`{word}` is not a schedule"))
            .hint(format!("write fields: `0 0 * * {days}` is midnight of these days"));
    }
    if word.len() < text.len() && MACROS.iter().any(|(known, _)| *known == lower) {
        return ScheduleError::at(span, format!("`{word}` stands alone, without fields"))
            .hint(format!("write `{lower}`"));
    }
    let known = MACROS.map(|(name, _)| name);
    let error = ScheduleError::at(span, format!("`{word}` is not a schedule"));
    match suggest::closest(word, &known) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => {
            error.hint(format!("known are {}", known.map(|name| format!("`{name}`")).join(", ")))
        }
    }
}

/// The error for a zone before the fields, as some crontabs have it.
pub(super) fn of_zone(first: &str, span: Range<usize>) -> Option<ScheduleError> {
    let zone = first.strip_prefix("CRON_TZ=").or_else(|| first.strip_prefix("TZ="))?;
    Some(
        ScheduleError::at(span, format!("`{first}` is not part of a schedule"))
            .hint(format!("leave it out, and write `timezone: {zone}` beside the schedule")),
    )
}

/// True for the word after the five fields in `/etc/crontab`: a user's name, not a weekday's.
pub(super) fn is_user(word: &str) -> bool {
    let letters = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let starts = word.get(..3).unwrap_or(word).to_ascii_uppercase();
    letters && word.starts_with(|c: char| c.is_ascii_lowercase()) && !weekday(&starts)
}

/// The error for such a user.
pub(super) fn of_user(field: &(Range<usize>, &str)) -> ScheduleError {
    let message = format!("`{}` is not a field: crontabs of the system name a user here", field.1);
    ScheduleError::at(field.0.clone(), message).hint("leave it out: jobs run as the agent's user")
}

/// The error for schedules of other services: AWS's `rate(…)` and `cron(…)`, systemd's
/// `OnCalendar=`.
pub(super) fn of_dialect(text: &str, span: Range<usize>) -> Option<ScheduleError> {
    let lower = text.to_ascii_lowercase();
    if let Some(rate) = lower.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
        let meant = of_rate(rate).unwrap_or_else(|| "*/5 * * * *".to_owned());
        let error = ScheduleError::at(span, "`rate(…)` is how AWS writes it");
        return Some(error.hint(format!("write for example `{meant}`")));
    }
    if lower.starts_with("cron(") {
        let error = ScheduleError::at(span, "`cron(…)` is how AWS writes it");
        return Some(error.hint("write the five fields alone: `30 2 * * *`, and `*` for `?`"));
    }
    if let Some(meant) = from_words(&lower) {
        let error = ScheduleError::at(span, "a schedule is not written in words");
        return Some(error.hint(format!("write it as in crontab: for example `{meant}`")));
    }
    let mut words = lower.split_ascii_whitespace();
    let has_clock = words.any(|word| {
        word.contains(':') && word.bytes().all(|b| b.is_ascii_digit() || b":*,/.".contains(&b))
    });
    let has_date = lower.split_ascii_whitespace().any(|word| {
        let mut parts = word.split('-');
        let year = parts.next().unwrap_or_default();
        let is_year = year == "*" || (year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()));
        is_year && parts.count() == 2
    });
    if !(has_clock || has_date || lower == "minutely" || lower == "quarterly") {
        return None;
    }
    let meant = match lower.as_str() {
        "minutely" => "* * * * *".to_owned(),
        "quarterly" => "0 0 1 1,4,7,10 *".to_owned(),
        _ => at_clock(&lower).unwrap_or_else(|| "30 2 * * *".to_owned()),
    };
    let error = ScheduleError::at(span, "this is how systemd writes it (`OnCalendar=`)");
    Some(error.hint(format!("write it as in crontab: for example `{meant}`")))
}

/// The five fields of `every day at 02:30`, `hourly at 5`, `every 5m`, `2:30am`, `PT1H`: of a text
/// that begins with such a word, or is a time or a duration alone.
fn from_words(text: &str) -> Option<String> {
    const BEGIN: [&str; 7] = ["every", "each", "at", "hourly", "daily", "weekly", "monthly"];
    let mut words = text.split_ascii_whitespace();
    let begins = words.next().filter(|first| BEGIN.contains(first));
    let more = words.next().is_some();
    match begins {
        Some(first) if more => {
            let rate = || of_rate(text.trim_start_matches(first).trim());
            let hourly = || (first == "hourly").then(|| "0 * * * *".to_owned());
            at_clock(text).or_else(rate).or_else(hourly).or_else(|| Some("30 2 * * *".to_owned()))
        }
        None if !more || text.ends_with(['m', 's']) => match at_clock(text) {
            Some(meant) if !text.contains(':') || text.ends_with('m') => Some(meant),
            Some(_) => None,
            None => of_rate(text),
        },
        Some(_) | None => None,
    }
}

/// The five fields for a time of day in words, on the weekdays among them: `*-*-* 02:30:00`,
/// `Mon..Fri 10:00`, `every monday at 2:30pm`.
fn at_clock(text: &str) -> Option<String> {
    let words = || text.split([' ', '\t', 't']).filter(|word| !word.is_empty());
    let (hour, minute) = words().find_map(clock)?;
    let days = text.split_ascii_whitespace().find_map(weekdays);
    Some(format!("{minute} {hour} * * {}", days.as_deref().unwrap_or("*")))
}

/// Hour and minute of `02:30`, `02:30:00`, `2:30pm`, `2am` and `0230`.
fn clock(word: &str) -> Option<(u8, u8)> {
    let half = word.strip_suffix("am").map(|rest| (rest, 0));
    let half = half.or_else(|| word.strip_suffix("pm").map(|rest| (rest, 12)));
    let digits = half.map_or(word, |(rest, _)| rest);
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, rest)) => (hour, rest.split(':').next()?),
        None if half.is_some() => (digits, "0"),
        None if digits.len() == 4 => (digits.get(..2)?, digits.get(2..)?),
        None => return None,
    };
    let (hour, minute) = (hour.parse::<u8>().ok()?, minute.parse::<u8>().ok()?);
    let hour = half.map_or(hour, |(_, noon)| hour % 12 + noon);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// The days of `mon..fri`, `monday,thursday`, `weekdays`, as crontab writes them.
fn weekdays(word: &str) -> Option<String> {
    const DAYS: [&str; 7] =
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    match word.trim_end_matches('s') {
        "weekday" | "workday" => return Some("mon-fri".to_owned()),
        "weekend" => return Some("sat,sun".to_owned()),
        _ => {}
    }
    let range = word.replace("..", "-");
    let days = range.split(',').map(|part| {
        let ends = part.split('-').map(|day| {
            let short = day.get(..3)?;
            DAYS.iter().any(|whole| whole.starts_with(day)).then_some(short)
        });
        Some(ends.collect::<Option<Vec<_>>>()?.join("-"))
    });
    Some(days.collect::<Option<Vec<_>>>()?.join(","))
}

/// The five fields for a duration: `5m`, `2 hours`, `minute`, `PT1H`.
fn of_rate(text: &str) -> Option<String> {
    let minutes = duration::loosely(text).or_else(|| duration::loosely(&format!("1 {text}")))?;
    Some(match minutes.as_secs() / 60 {
        1 => "* * * * *".to_owned(),
        minutes @ 2..60 => format!("*/{minutes} * * * *"),
        60 => "0 * * * *".to_owned(),
        minutes @ 61..1_440 => format!("0 */{} * * *", minutes / 60),
        1_440.. => "0 0 * * *".to_owned(),
        _ => return None,
    })
}

/// The error for a number of fields that is neither five nor six. `fields` is never empty.
pub(super) fn of_count(fields: &[(Range<usize>, &str)], whole: Range<usize>) -> ScheduleError {
    const FIELDS: &str = "minute hour day-of-month month day-of-week";
    let count = fields.len();
    let found = format!("expected 5 fields, or 6 with seconds first, found {count}");
    if count == 7 && fields[6].1.bytes().all(|b| b.is_ascii_digit() || b"*?-,/".contains(&b)) {
        return ScheduleError::at(
            fields[6].0.clone(),
            format!("{found}: a field for years is not supported"),
        )
        .hint("leave the last field out");
    }
    if count > 6 {
        // The words after the fields in a crontab are a user and a command.
        let extra = fields[5].0.start..whole.end;
        if is_user(fields[5].1) {
            let message = "crontabs of the system name a user and a command here";
            return ScheduleError::at(extra, message)
                .hint("leave them out: a job transfers from its `source` to its `destination`");
        }
        return ScheduleError::at(extra, found)
            .hint(format!("the fields are `{FIELDS}`; several schedules make a list"));
    }
    let alone = fields[0].1;
    if count == 1 {
        let known = MACROS.map(|(name, _)| &name[1..]);
        if let Some(meant) = suggest::closest(alone, &known) {
            return ScheduleError::at(whole, format!("`{alone}` is not a schedule"))
                .hint(format!("did you mean `@{meant}`?"));
        }
    }
    ScheduleError::at(whole, found)
        .hint(format!("the fields are `{FIELDS}`: `30 2 * * *` is every day at 02:30"))
}
