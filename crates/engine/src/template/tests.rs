//! Patterns as users write them, and the errors for bad ones.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use rstest::rstest;
use uuid::Uuid;

use super::{PathTemplate, TemplateError, TemplateValues};
use crate::ids::{JobName, RunId};

fn render_at(text: &str, at: &str, zone: &str) -> String {
    PathTemplate::parse(text).unwrap().render(&TemplateValues {
        at: at.parse().unwrap(),
        zone: &TimeZone::get(zone).unwrap(),
        job: &JobName::new("nightly"),
        run: Some(RunId(Uuid::from_u128(7))),
        hostname: "box",
    })
}

fn error(text: &str) -> TemplateError {
    PathTemplate::parse(text).unwrap_err().swap_remove(0)
}

#[test]
fn each_mistake_is_reported() {
    let errors = PathTemplate::parse("{foo}/{%Y}/}/{-1d}/{").unwrap_err();
    let spans: Vec<_> = errors.into_iter().map(|error| error.span).collect();
    assert_eq!(spans, [0..5, 11..12, 13..18, 19..20]);
}

#[rstest]
#[case("", "")]
#[case("dailies/", "dailies/")]
#[case("a/{%Y-%m-%d}/", "a/2026-03-29/")]
#[case("{-1d:%Y-%m-%d}", "2026-03-28")]
#[case("{+1w:%F}", "2026-04-05")]
#[case("{-1d2h:%F %H}", "2026-03-28 01")]
#[case("{%Y/%m}x{%d}", "2026/03x29")]
#[case("{job}/{run}/{hostname}", "nightly/00000000-0000-0000-0000-000000000007/box")]
#[case("{{job}} }}{{", "{job} }{")]
#[case("{{{job}}}", "{nightly}")]
#[case("100%/%Y", "100%/%Y")]
#[case("{%H:%M}", "03:00")]
#[case("{%c}", "Sun Mar 29 03:00:00 2026")]
#[case("{%Z %z %Q}", "CEST +0200 Europe/Berlin")]
#[case("ü/{%d}/∗", "ü/29/∗")]
#[case("../{%d}", "../29")]
fn patterns_are_filled_in(#[case] text: &str, #[case] path: &str) {
    // 03:00 CEST, the first instant after the gap.
    assert_eq!(render_at(text, "2026-03-29T01:00:00Z", "Europe/Berlin"), path);
}

#[test]
fn days_follow_the_calendar_and_hours_are_exact() {
    // 09:00 on the day of the spring change: a day before is 09:00, 24 hours before 08:00.
    let at = "2026-03-29T07:00:00Z";
    assert_eq!(render_at("{-1d:%d %H:%M}", at, "Europe/Berlin"), "28 09:00");
    assert_eq!(render_at("{-24h:%d %H:%M}", at, "Europe/Berlin"), "28 08:00");
    // Month ends and years.
    assert_eq!(render_at("{-1d:%F}", "2026-01-01T00:30:00Z", "UTC"), "2025-12-31");
    // The same instant is another day elsewhere.
    assert_eq!(render_at("{%F}", "2026-01-01T00:30:00Z", "America/New_York"), "2025-12-31");
    // Samoa had no 30 December 2011: a day before 02:00 on the 31st is moved to after the gap.
    assert_eq!(
        render_at("{-1d:%F %R}", "2011-12-30T12:00:00Z", "Pacific/Apia"),
        "2011-12-31 02:00"
    );
}

#[test]
fn far_times_render_too() {
    for at in ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z", "2070-01-01T00:00:00Z"] {
        for text in ["{-3660d:%Y}", "{+3660d:%F}", "{%y %g %G %V %s %C}"] {
            assert!(!render_at(text, at, "Europe/Berlin").is_empty());
        }
    }
}

#[rstest]
#[case("a/{jb}/", 2..6, "`{jb}` is not a pattern", "did you mean `{job}`?")]
#[case("{hostnme}", 0..9, "`{hostnme}` is not a pattern", "did you mean `{hostname}`?")]
#[case("{host}", 0..6, "`{host}` is not a pattern", "did you mean `{hostname}`?")]
#[case("{JOB}", 0..5, "`{JOB}` is not a pattern", "did you mean `{job}`?")]
#[case("{ job }", 0..7, "`{ job }` is not a pattern", "write `{job}`, without blanks")]
#[case("{date}", 0..6, "`{date}` is not a pattern", "write `{%Y-%m-%d}`")]
#[case("{yesterday}", 0..11, "`{yesterday}` is not a pattern", "write `{-1d:%Y-%m-%d}`")]
#[case("{1d:%F}", 0..7, "`{1d:%F}` is not a pattern", "write `{-1d:%F}` for before, `{+1d:%F}` for after")]
#[case("{:%F}", 0..5, "`{:%F}` is not a pattern", "write `{%F}`")]
#[case("{-1d}", 0..5, "`{-1d}` is an offset without a pattern", "write `{-1d:%Y-%m-%d}`")]
#[case("{-1d%Y}", 0..7, "`{-1d%Y}` is an offset without a pattern", "write `{-1d:%Y}`")]
#[case("x{", 1..2, "a `{` without its `}`", "write `{{` for a literal brace")]
#[case("{%Y{job}", 0..1, "a `{` without its `}`", "write `{{` for a literal brace")]
#[case("x}", 1..2, "a `}` without its `{`", "write `}}` for a literal brace")]
#[case("{-4000d:%F}", 0..11, "the offset `-4000d` is too long", "3660d is the longest")]
#[case("{%n}", 0..4, "`%n` gives a control character", "leave `%n` and `%t` out of paths")]
#[case("{-1d:abc}", 0..9, "`abc` is not a time pattern", "time patterns are as for strftime: `%Y-%m-%d` is a date")]
fn errors_say_where_and_what_to_write(
    #[case] text: &str,
    #[case] span: std::ops::Range<usize>,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let error = error(text);
    assert_eq!((error.message.as_str(), error.hint.as_deref()), (message, Some(hint)));
    assert_eq!(error.span, span);
}

#[rstest]
#[case("{%J}")]
#[case("{%Y-%}")]
#[case("{%+}")]
#[case("{%300Y}")]
#[case("{-1mo:%F}")]
#[case("{-:%F}")]
#[case("{-9999999999d:%F}")]
#[case("{}")]
#[case("a\u{7}b")]
#[case("a\nb")]
#[case("a\u{85}b")]
fn bad_patterns_and_control_characters_are_refused(#[case] text: &str) {
    let error = error(text);
    assert!(error.hint.is_some());
    assert!(text.get(error.span).is_some());
}

#[test]
fn long_texts_and_long_results_are_refused() {
    assert!(PathTemplate::parse(&"x".repeat(4_096)).is_ok());
    assert!(PathTemplate::parse(&"x".repeat(4_097)).is_err());
    assert!(PathTemplate::parse(&format!("{{{}}}", "%20Y".repeat(100))).is_err());
}

#[test]
fn what_is_common_to_all_renderings_is_known() {
    let prefix = |text| {
        let template = PathTemplate::parse(text).unwrap();
        (template.is_constant(), template.literal_prefix())
    };
    assert_eq!(prefix("a/b/"), (true, "a/b/".to_owned()));
    assert_eq!(prefix(""), (true, String::new()));
    assert_eq!(prefix("a{{b}}"), (true, "a{b}".to_owned()));
    assert_eq!(prefix("a/{%F}/b"), (false, "a/".to_owned()));
    assert_eq!(prefix("{job}/b"), (false, String::new()));
}

proptest! {
    #[test]
    fn a_literal_with_its_braces_doubled_renders_as_itself(text in "\\PC{0,40}") {
        let escaped = text.replace('{', "{{").replace('}', "}}");
        let template = PathTemplate::parse(&escaped).unwrap();
        prop_assert!(template.is_constant());
        prop_assert_eq!(template.literal_prefix(), text);
    }
}
