//! What about a good schedule probably surprises its author.
//!
//! Knows text only; what DST does to a schedule is `effects`.

use super::error::ScheduleWarning;
use super::field::{Field, FieldKind, Item};
use super::walk::Fields;

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
    warnings.extend(starred_day(&fields.day_of_month, &fields.day_of_week));
    warnings
}

/// A step that starts anew before it is complete: `*/7` of minutes goes 49, 56, 0.
fn uneven_step(text: &str, kind: FieldKind, item: &Item) -> Option<ScheduleWarning> {
    let (low, _) = kind.bounds();
    let cycle = kind.cycle();
    let top = low + cycle - 1;
    // Only a range that was meant to go all the way round has an uneven end; `9-17/3` has an end
    // of its own.
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

/// A day field that starts with `*` and yet leaves days out, beside one that leaves days out too:
/// cron(8) demands both then, where it else is content with either.
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
