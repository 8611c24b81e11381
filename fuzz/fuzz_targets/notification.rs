//! Nothing that comes over the notification socket is more than a hint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::notification;

fuzz_target!(|input: (bool, &[u8])| match input {
    (true, frames) => notification::is_a_hint_or_ends_the_socket(frames),
    (false, handshake) => notification::is_a_handshake_or_none(handshake),
});
