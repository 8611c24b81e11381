//! Hands a notification to the desktop (Desktop Notifications Specification 1.2) over the session's
//! bus, by `busctl`, which comes with systemd.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use super::limits::DELIVERY;
use super::notices::Notice;

/// Where notifications are taken, and by which method.
const METHOD: [&str; 4] = [
    "org.freedesktop.Notifications",
    "/org/freedesktop/Notifications",
    "org.freedesktop.Notifications",
    "Notify",
];

/// Application, the notification that is replaced, icon, title, body, actions, hints, time to stay.
const SIGNATURE: &str = "susssasa{sv}i";

/// Shows a notification.
///
/// # Errors
/// In words: there is no bus, or no desktop that listens at it.
pub(super) async fn show(notice: &Notice) -> Result<(), String> {
    let mut command = Command::new("busctl");
    command.args(["--user", "--quiet", "call", "--"]).args(METHOD).arg(SIGNATURE);
    command.args(arguments(notice)).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(DELIVERY, command.output())
        .await
        .map_err(|_| format!("the desktop does not answer within {DELIVERY:?}"))?
        .map_err(|error| format!("`busctl` can't be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("the desktop takes no notification: {}", said.trim()))
}

fn arguments(notice: &Notice) -> Vec<String> {
    // Urgency: 1 is normal, 2 critical, which stays until it is closed.
    let (icon, urgency) =
        if notice.urgent { ("dialog-error", "2") } else { ("dialog-warning", "1") };
    let body = marked_up(&notice.body);
    let words =
        ["transferd", "0", icon, &notice.title, &body, "0", "1", "urgency", "y", urgency, "-1"];
    words.map(str::to_owned).into()
}

/// Desktops read a body as markup, and some open links in it: the words of others are plain text.
fn marked_up(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_others_are_no_markup() {
        let notice = Notice {
            title: "nightly failed".to_owned(),
            body: "<a href=\"http://evil\">R&D</a>".to_owned(),
            urgent: true,
        };
        let arguments = arguments(&notice);
        assert_eq!(arguments[4], "&lt;a href=\"http://evil\"&gt;R&amp;D&lt;/a&gt;");
        assert_eq!(arguments[9], "2");
    }
}
