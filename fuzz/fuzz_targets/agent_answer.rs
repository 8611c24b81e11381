//! No answer of the agent, to whatever question, is more than read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::agent_answer;

// A line with the status and, after a blank, the `error-code` header; below it the body.
fuzz_target!(|bytes: &[u8]| {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(line);
    let head = String::from_utf8_lossy(head);
    let (status, code) = match head.split_once(' ') {
        Some((status, code)) => (status, Some(code)),
        None => (&*head, None),
    };
    let status = status.parse().unwrap_or(200);
    agent_answer::is_read_or_refused(status, code, body.get(1..).unwrap_or_default());
});
