//! The one filter for text that leaves this module: no secret, no invisible character, and no more
//! than a reason may hold.

use secrecy::SecretString;

use crate::core::limits::WORDS_MAX;
use crate::core::plain::one_line;
use crate::privacy::{SecretKind, mask, remember};
use crate::words::without_innards;

/// The agent's or a library's words, fit for display: every known secret is masked, `secret` too,
/// no character can control a terminal, the length is bounded.
pub(super) fn fit(text: &str, secret: Option<&SecretString>) -> String {
    if let Some(secret) = secret {
        remember(secret, SecretKind::Random);
    }
    // Masked before it is cut, as the beginning of a token is one too; and after the last words
    // were taken out of it, which may have stood between its letters.
    one_line(&mask(&without_innards(text)), WORDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_no_token_in_any_form_and_no_control_character() {
        let token = SecretString::from("a+b/c=d");
        let text = "bad \u{1b}[31mtoken a+b/c=d in ?token=a%2Bb%2Fc%3Dd&page=1 and a%2bb%2Fc%3Dd";
        assert_eq!(fit(text, Some(&token)), "bad [31mtoken … in ?token=…&page=1 and …");
    }

    #[test]
    fn what_is_left_out_of_words_uncovers_no_secret() {
        let token = SecretString::from("a+b/c=d");
        let between = ["\u{fe0f}", "\u{34f}", "\u{180e}", "\u{1d173}", " (os error 5)", "\u{3000}"];
        for between in between {
            let text = format!("no: a+{between}b/c{between}=d.");
            assert_eq!(fit(&text, Some(&token)), "no: ….");
        }
    }

    #[test]
    fn the_numbers_of_the_system_are_left_out() {
        let told = fit("Connection refused (os error 111); Permission denied (os error 13)", None);
        assert_eq!(told, "Connection refused; Permission denied");
        assert_eq!(fit("cut (os error 1", None), "cut (os error 1");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let fit = fit(&"ä".repeat(2000), None);
        assert!(fit.len() <= WORDS_MAX && fit.ends_with('…'));
    }
}
