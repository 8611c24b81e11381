//! No expression, template or duration panics or hangs, and what parses prints back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd::core::duration;
use transferd::core::schedule::Schedule;
use transferd::core::template::PathTemplate;

fuzz_target!(|text: &str| {
    if let Ok(schedule) = Schedule::parse(text) {
        assert!(Schedule::parse(schedule.text()).is_ok());
    }
    if let Ok(template) = PathTemplate::parse(text) {
        assert!(PathTemplate::parse(template.text()).is_ok());
    }
    if let Ok(span) = duration::parse(text) {
        assert_eq!(duration::parse(&duration::format(span)).ok(), Some(span));
    }
});
