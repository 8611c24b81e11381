//! A job's last days as a strip of marks, each with a height and a sign besides its color, so that
//! it is readable without colors too.

use jiff::civil::Date;

use super::html::Html;
use crate::core::outcomes::Outcomes;
use crate::words::count;

/// The kind of a day, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    Failed,
    Skipped,
    Canceled,
    Active,
    Succeeded,
    Nothing,
}

impl Day {
    fn of(outcomes: &Outcomes) -> Self {
        match outcomes {
            Outcomes { failed: 1.., .. } => Self::Failed,
            Outcomes { skipped: 1.., succeeded: 0, .. } => Self::Skipped,
            Outcomes { canceled: 1.., succeeded: 0, .. } => Self::Canceled,
            Outcomes { succeeded: 1.., .. } => Self::Succeeded,
            Outcomes { active: 1.., .. } => Self::Active,
            _ => Self::Nothing,
        }
    }

    /// Its mark, in a field of 10 by 18, whose left edge is at 0.
    fn mark(self) -> &'static str {
        match self {
            Self::Failed => {
                "<rect class=\"bad\" width=\"10\" height=\"18\"/>\
                 <path class=\"sign\" d=\"M2 6l6 6m0-6l-6 6\"/>"
            }
            Self::Skipped => "<rect class=\"odd\" y=\"9\" width=\"10\" height=\"9\"/>",
            Self::Canceled => "<rect class=\"off\" y=\"9\" width=\"10\" height=\"9\"/>",
            Self::Active => "<rect class=\"busy\" y=\"4\" width=\"10\" height=\"14\"/>",
            Self::Succeeded => "<rect class=\"good\" width=\"10\" height=\"18\"/>",
            Self::Nothing => "<rect class=\"off\" y=\"16\" width=\"10\" height=\"2\"/>",
        }
    }
}

/// The strip of a job.
pub(super) fn strip(days: &[Date], outcomes: &[Outcomes]) -> Html {
    let mut html = Html::new();
    html.raw("<svg class=\"strip\" viewBox=\"0 0 166 18\" role=\"img\" aria-label=\"");
    html.text(summary(outcomes)).raw("\">");
    for (index, (day, outcomes)) in days.iter().zip(outcomes).enumerate() {
        html.raw("<g transform=\"translate(").text(index * 12).raw(" 0)\"><title>");
        html.text(day.strftime("%a %Y-%m-%d")).raw(": ").text(words(outcomes)).raw("</title>");
        // A field for the pointer, where the mark is low.
        html.raw("<rect class=\"field\" width=\"10\" height=\"18\"/>");
        html.raw(Day::of(outcomes).mark()).raw("</g>");
    }
    html.raw("</svg>");
    html
}

/// The whole strip in words, for readers who can't see it.
fn summary(outcomes: &[Outcomes]) -> String {
    let of = |day: Day| outcomes.iter().filter(|outcomes| Day::of(outcomes) == day).count();
    let kinds = [
        (of(Day::Failed), "with failures"),
        (of(Day::Skipped), "with skips only"),
        (of(Day::Canceled), "canceled"),
        (of(Day::Active), "under way"),
        (of(Day::Succeeded), "with success"),
        (of(Day::Nothing), "without runs"),
    ];
    let kinds = kinds.iter().filter(|(days, _)| *days > 0);
    let kinds: Vec<_> =
        kinds.map(|(days, kind)| format!("{} {kind}", count(*days, "day"))).collect();
    kinds.join(", ")
}

/// A day in words.
fn words(outcomes: &Outcomes) -> String {
    let Outcomes { succeeded, failed, canceled, skipped, active } = outcomes;
    let kinds = [
        (failed, "failed"),
        (succeeded, "succeeded"),
        (skipped, "skipped"),
        (canceled, "canceled"),
        (active, "under way"),
    ];
    let kinds: Vec<_> = kinds
        .iter()
        .filter(|(runs, _)| **runs > 0)
        .map(|(runs, kind)| format!("{runs} {kind}"))
        .collect();
    if kinds.is_empty() { "no runs".to_owned() } else { kinds.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_says_in_words_what_it_shows() {
        let none = Outcomes::default();
        let outcomes = [
            none,
            Outcomes { failed: 1, succeeded: 2, ..none },
            Outcomes { skipped: 3, ..none },
            Outcomes { skipped: 3, succeeded: 1, ..none },
        ];
        let day = jiff::civil::date(2026, 11, 24);
        let days: Vec<_> = day.series(jiff::ToSpan::days(1)).take(4).collect();
        let text = strip(&days, &outcomes).into_string();
        let label = "1 day with failures, 1 day with skips only, 1 day with success, 1 day \
                     without runs";
        assert!(text.contains(&format!("aria-label=\"{label}\"")), "{text}");
        assert!(text.contains("<title>Wed 2026-11-25: 1 failed, 2 succeeded</title>"), "{text}");
        assert!(text.contains("<title>Tue 2026-11-24: no runs</title>"), "{text}");
    }
}
