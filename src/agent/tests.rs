//! Checks on the settings of a client.

use rstest::rstest;

use super::*;
use crate::settings::{AgentConnection, TokenSource};

fn client(url: &str, allow_insecure: bool) -> Result<AgentClient, UnusableSettings> {
    let settings = AgentConnection { url: url.to_owned(), allow_insecure, ..Default::default() };
    let keeper = TokenKeeper::new(TokenSource::Environment("T".into()), |_| Some("t0ken".into()));
    AgentClient::new(&settings, keeper)
}

#[rstest]
#[case("http://localhost:29123")]
#[case("http://LOCALHOST:29123")]
#[case("http://127.0.0.1:1")]
#[case("http://127.1.2.3:1/prefix")]
#[case("http://[::1]:1")]
#[case("http://box.localhost:1")]
fn a_token_may_travel_on_this_machine(#[case] url: &str) {
    assert!(client(url, false).is_ok());
}

#[rstest]
#[case("http://agent.example:29123")]
#[case("http://10.0.0.1:29123")]
#[case("http://localhost.example:29123")]
#[case("http://127.0.0.1.example/")]
#[case("http://0.0.0.0:29123")]
#[case("http://[::2]:1")]
fn a_token_leaves_this_machine_only_if_that_is_allowed(#[case] url: &str) {
    let error = client(url, false).unwrap_err().to_string();
    assert!(error.contains("allow_insecure"), "{error}");
    assert!(client(url, true).is_ok());
}

#[rstest]
#[case("localhost:29123", "starts with")]
#[case("nonsense", "starts with")]
#[case("ftp://localhost", "starts with")]
#[case("https://localhost", "does not speak https")]
#[case("http://10.0.0.256:1", "IPv4")]
#[case("http://user:pw@localhost", "name or password")]
#[case("http://localhost/?token=abc", "no `?`")]
fn a_url_that_can_not_be_the_agents_is_refused(#[case] url: &str, #[case] why: &str) {
    let error = client(url, true).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    assert!(!error.contains("pw") && !error.contains("abc"), "{error}");
}

#[test]
fn an_address_without_its_scheme_is_mended() {
    for (typed, meant) in [
        ("localhost:29123", Some("http://localhost:29123")),
        ("127.0.0.1:29123/", Some("http://127.0.0.1:29123")),
        ("https://localhost:29123", Some("http://localhost:29123")),
        ("user:pw@localhost:29123", None),
        ("localhost:29123?token=abc", None),
        ("agent.example:29123", None),
        ("ftp://localhost", None),
        ("", None),
    ] {
        assert_eq!(mended_url(typed).as_deref(), meant, "{typed}");
    }
}

#[test]
fn the_notification_url_has_no_token() {
    let url = client("http://localhost:29123/", false).unwrap().notification_url();
    assert_eq!(url, "ws://localhost:29123/notification");
}
