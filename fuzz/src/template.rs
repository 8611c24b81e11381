//! Path templates.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::core::ids::{JobName, RunId};
use transferd::core::template::{PathTemplate, TEXT_MAX, TemplateValues};
use uuid::Uuid;

/// What parses renders at any time, to a path of a bounded length without control characters, and
/// prints back to the same; what does not is refused at a place in the text.
pub fn prints_back_or_is_refused(text: &str, at: Timestamp) {
    let template = match PathTemplate::parse(text) {
        Ok(template) => template,
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(text.get(error.span.clone()).is_some(), "`{text}`: {error:?}");
            }
            return;
        }
    };
    let zone = TimeZone::get("America/New_York").expect("every zone database has it");
    let job = JobName::new("nightly");
    let values = TemplateValues {
        at,
        zone: &zone,
        job: &job,
        run: Some(RunId(Uuid::nil())),
        hostname: "box",
    };
    let path = template.render(&values);
    assert!(path.starts_with(&template.literal_prefix()), "`{text}` gives `{path}`");
    assert!(!path.chars().any(char::is_control), "`{text}` gives `{path:?}`");
    // The shortest pattern has four bytes, and none gives more than 256.
    assert!(path.len() <= TEXT_MAX * 64, "`{text}` gives {} bytes", path.len());
    if template.is_constant() {
        assert_eq!(path, template.literal_prefix());
    }
    let again = PathTemplate::parse(template.text()).expect("what was taken once is taken again");
    assert_eq!(again.render(&values), path);
}
