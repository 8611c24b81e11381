//! Opens a page in the user's browser, without a shell.
//!
//! The desktop's portal is asked first (`org.freedesktop.portal.OpenURI`): the browser then starts
//! outside the unit, whose fences it could not live in. Without a portal it is `xdg-open`, which the
//! user's service manager starts where this process is a unit.

use std::collections::HashMap;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;
use tokio::time::timeout;
use zbus::{Connection, Variant};

use super::limits::DELIVERY;
use super::notify::Method;

/// Opens an address outside of this process's restrictions.
const PORTAL: Method = Method {
    whose: "org.freedesktop.portal.Desktop",
    path: "/org/freedesktop/portal/desktop",
    interface: "org.freedesktop.portal.OpenURI",
    name: "OpenURI",
};

/// Has the user's service manager start the following command.
const AS_A_UNIT: [&str; 5] = ["systemd-run", "--user", "--quiet", "--collect", "--"];

/// Opens an address.
///
/// # Errors
/// A message.
pub(super) async fn open(connection: Option<Connection>, url: &str) -> Result<(), String> {
    // The daemon may be another user's: it must not open files or programs here.
    if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(format!("`{url}` is not the address of a web page"));
    }
    if let Some(connection) = connection {
        let options = HashMap::<&str, Variant<'_>>::new();
        if PORTAL.call(&connection, &("", url, options)).await.is_ok() {
            return Ok(());
        }
    }
    let mut words = words(url, std::env::var_os("INVOCATION_ID").is_some()).into_iter();
    let program = words.next().unwrap_or_default();
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C for this process is not meant for the browser.
    command.process_group(0);
    let mut child =
        command.spawn().map_err(|error| format!("`{program}` can't be run: {error}"))?;
    match timeout(DELIVERY, child.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(said(program, status)),
        Ok(Err(error)) => Err(format!("`{program}` can't be waited for: {error}")),
        // It has opened the page, or is the browser itself.
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

fn said(program: &str, status: ExitStatus) -> String {
    format!("`{program}` can't open the page: {status}")
}

/// The program that opens an address, and its arguments.
fn words(url: &str, is_unit: bool) -> Vec<&str> {
    let around = if is_unit { &AS_A_UNIT[..] } else { &[] };
    [around, &["xdg-open", url]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_but_a_web_page_is_opened() {
        for url in ["file:///etc/passwd", "--help", "javascript:alert(1)", "/usr/bin/xterm"] {
            let told = open(None, url).await.unwrap_err();
            assert!(told.contains("is not the address of a web page"), "{told}");
        }
    }

    #[test]
    fn a_browser_does_not_start_within_the_fences_of_the_unit() {
        let url = "https://transfers.example.com/";
        assert_eq!(words(url, false), ["xdg-open", url]);
        let unit = ["systemd-run", "--user", "--quiet", "--collect", "--", "xdg-open", url];
        assert_eq!(words(url, true), unit);
    }
}
