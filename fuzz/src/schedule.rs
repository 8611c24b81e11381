//! Schedules, and the occurrences that they name.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::core::schedule::{Schedule, Timetable};

/// One without changes, one whose hour moves, one whose half hour does.
const ZONES: [&str; 3] = ["UTC", "America/New_York", "Australia/Lord_Howe"];

/// So many occurrences are compared: those of a yearly schedule reach over a leap day.
const OCCURRENCES: usize = 6;

/// What parses fires, prints back to the same occurrences, and is found forwards as backwards;
/// what does not is refused at a place in the text.
pub fn prints_back_or_is_refused(text: &str, from: Timestamp) {
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.message.is_empty());
                assert!(text.get(error.span.clone()).is_some(), "`{text}`: {error:?}");
            }
            return;
        }
    };
    for warning in schedule.warnings() {
        assert!(schedule.text().get(warning.span.clone()).is_some(), "`{text}`: {warning:?}");
    }
    let printed = Schedule::parse(schedule.text()).expect("what was taken once is taken again");
    for name in ZONES {
        let zone = TimeZone::get(name).expect("every zone database has it");
        let table = Timetable::new(vec![schedule.clone()], name, zone.clone());
        let again = Timetable::new(vec![printed.clone()], name, zone);
        assert_eq!(table.identity(), again.identity());
        let mut walked = Vec::new();
        let mut at = from;
        while walked.len() < OCCURRENCES
            && let Some(next) = table.next_after(at)
        {
            assert!(next > at, "`{text}` in {name}: {next} is not after {at}");
            assert_eq!(again.next_after(at), Some(next));
            walked.push(next);
            at = next;
        }
        assert!(!walked.is_empty(), "`{text}` never fires in {name} after {from}");
        let missed = table.missed(from, at, OCCURRENCES);
        assert_eq!(missed.newest, walked, "`{text}` in {name} backwards from {at}");
        assert!(!missed.more);
    }
}
