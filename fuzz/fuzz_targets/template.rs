//! No path crashes or hangs the parser, and each template renders and prints back.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use transferd_fuzz::template;

fuzz_target!(|input: (i64, &str)| {
    let span = Timestamp::MAX.as_second() - Timestamp::MIN.as_second();
    let second = Timestamp::MIN.as_second() + input.0.rem_euclid(span);
    let at = Timestamp::from_second(second).expect("it is a time");
    template::prints_back_or_is_refused(input.1, at);
});
