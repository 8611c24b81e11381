//! Warnings about valid schedules that probably do not mean what their author thinks.
//!
//! Knows text only; the effects of DST are in `dst_effects`.

use super::error::ScheduleWarning;
use super::field::{Field, FieldKind, Item};
use super::wall_clock::Fields;

/// All warnings for the fields of `text`.
pub(super) fn of(text: &str, fields: &Fields) -> Vec<ScheduleWarning> {
    let all = [
        &fields.second,
        &fields.minute,
        &fields.hour,
        &fields.day_of_month,
        &fields.month,
        &fields.day_of_week,
    ];
    let mut warnings: Vec<ScheduleWarning> = all
        .into_iter()
        .flat_map(|field| field.items.iter().filter_map(|item| uneven_step(text, field.kind, item)))
        .collect();
    let is_nth = names_nth_weekday(fields);
    if is_nth {
        // `*/100,1-7` is the way to make cron(8) demand both: it was intended.
        warnings.retain(|warning| !fields.day_of_month.spans(&warning.span));
    } else {
        warnings.extend(starred_day(&fields.day_of_month, &fields.day_of_week));
    }
    warnings.extend(seven_days(text, fields));
    warnings.extend(each_of_sixty(text, &fields.minute, &fields.hour));
    // A field for seconds that was not written is the value 0.
    warnings.extend(each_of_sixty(text, &fields.second, &fields.minute));
    warnings
}

/// Warns of a step that starts anew before it is complete: `*/7` of minutes goes 49, 56, 0.
fn uneven_step(text: &str, kind: FieldKind, item: &Item) -> Option<ScheduleWarning> {
    let (low, _) = kind.bounds();
    let cycle = kind.cycle();
    let top = low + cycle - 1;
    // Only a range that was meant to go all the way round has an uneven end; `9-17/3` has an end of
    // its own.
    let goes_round = item.start < low + item.step && item.end + item.step > top;
    let last = item.values().last()?;
    let gap = item.start + cycle - last;
    if item.step == 1 || !goes_round || (gap == item.step && kind != FieldKind::DayOfMonth) {
        return None;
    }
    let (field, step) = (kind.name(), item.step);
    let written = text.get(item.span.clone()).unwrap_or_default();
    let start = item.start;
    let message = if last == start {
        format!(
            "the step of `{written}` is longer than the {field} field: it only ever gives {start}"
        )
    } else if kind == FieldKind::DayOfMonth {
        format!(
            "`{written}` in the day-of-month field starts anew with each month: the last day that \
             it gives is {last}, the next is {start}"
        )
    } else {
        format!(
            "the step of `{written}` does not divide {cycle}: after {last} in the {field} field \
             comes {start}, {gap} later and not {step}"
        )
    };
    let even: Vec<String> = (2..cycle)
        .filter(|even| cycle.is_multiple_of(*even))
        .map(|even| even.to_string())
        .collect();
    let hint = if even.is_empty() {
        "write the values that are meant as a list".to_owned()
    } else {
        format!("steps that divide {cycle} are {}", even.join(", "))
    };
    Some(ScheduleWarning { message, hint: Some(hint), span: item.span.clone() })
}

/// The days of a month among which a weekday comes once: the first, second, third or fourth of its
/// kind.
const SEVENS: [(u32, &str); 4] = [(1, "first"), (8, "second"), (15, "third"), (22, "fourth")];

/// The seven days in a row that an item names.
fn seven(item: &Item) -> Option<(u32, &'static str)> {
    let is_seven = item.step == 1 && item.end == item.start + 6;
    SEVENS.into_iter().find(|(first, _)| is_seven && item.start == *first)
}

/// True for `*/100,1-7` beside a weekday: the first one of the month.
fn names_nth_weekday(fields: &Fields) -> bool {
    let month = &fields.day_of_month;
    month.starred && month.items.iter().any(|item| seven(item).is_some())
}

/// Warns of `0 20 1-7 * 5` in place of `0 20 */100,1-7 * 5`: people mean the first Friday, and get
/// eleven days.
fn seven_days(text: &str, fields: &Fields) -> Option<ScheduleWarning> {
    let (month, week) = (&fields.day_of_month, &fields.day_of_week);
    if month.starred || week.starred || week.is_full() {
        return None;
    }
    let (_, which) = month.items.iter().find_map(seven)?;
    let days = text.get(month.span.clone())?;
    let weekday = text.get(week.span.clone())?;
    Some(ScheduleWarning {
        message: format!(
            "`{days}` and `{weekday}` do not narrow one another: it fires on each of these days of \
             the month, and on each of these weekdays too"
        ),
        hint: Some(format!(
            "for the {which} such weekday of the month alone write `*/100,{days}` in the \
             day-of-month field: where it starts with `*`, both fields must match"
        )),
        span: month.span.clone(),
    })
}

/// Warns of `* 2 * * *`: once an hour was meant, or once a day, and it fires sixty times.
fn each_of_sixty(text: &str, fine: &Field, coarse: &Field) -> Option<ScheduleWarning> {
    let single = |item: &Item| item.start == item.end;
    let by_hand = !coarse.starred && coarse.items.iter().all(single) && !coarse.items.is_empty();
    if !fine.is_full() || !by_hand {
        return None;
    }
    let (fine_name, coarse_name) = (fine.kind.name(), coarse.kind.name());
    let values = text.get(coarse.span.clone())?;
    Some(ScheduleWarning {
        message: format!(
            "it fires in each {fine_name} of {coarse_name} {values}: {} times",
            60 * coarse.items.len()
        ),
        hint: Some(format!("for once, write `0` in the {fine_name} field")),
        span: fine.span.clone(),
    })
}

/// Warns of a day field that starts with `*` and yet leaves days out, beside one that leaves days
/// out too: cron(8) then demands both, where otherwise either is enough.
fn starred_day(month: &Field, week: &Field) -> Option<ScheduleWarning> {
    if month.is_full() || week.is_full() {
        return None;
    }
    let field = if month.starred {
        month
    } else if week.starred {
        week
    } else {
        return None;
    };
    Some(ScheduleWarning {
        message: format!(
            "the {} field starts with `*`, so only days that match both day fields count",
            field.kind.name()
        ),
        hint: Some("where neither day field starts with `*`, either one is enough".to_owned()),
        span: field.span.clone(),
    })
}
