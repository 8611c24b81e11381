//! The choke point for words that leave this module: no token, no url, no control characters, and
//! no more than a reason may hold.

use secrecy::{ExposeSecret, SecretString};

use crate::core::limits::WORDS_MAX;

/// Shown in place of a secret.
const MASK: &str = "…";

/// The agent's or a library's words, fit to be shown: each form of `token` is masked, control
/// characters become spaces (nothing the agent says may steer a terminal), the length is bounded.
pub(super) fn fit(text: &str, token: Option<&SecretString>) -> String {
    let mut text = text.to_owned();
    if let Some(token) = token {
        let plain = token.expose_secret();
        if !plain.is_empty() {
            text = text.replace(plain, MASK);
            let mut encoded = reqwest::Url::parse("http://h/").expect("a constant url");
            encoded.query_pairs_mut().append_pair("t", plain);
            let encoded = encoded.query().unwrap_or("").trim_start_matches("t=");
            text = text.replace(encoded, MASK);
        }
    }
    if let Some(at) = text.find("token=") {
        let end = text[at..].find([' ', '&', '"', '\'', ')']).map_or(text.len(), |end| at + end);
        text.replace_range(at..end, "token=…");
    }
    let mut fit = String::with_capacity(text.len().min(WORDS_MAX));
    let mut words = text.split(|c: char| c.is_control() || c.is_whitespace());
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !fit.is_empty() {
            fit.push(' ');
        }
        fit.push_str(word);
        if fit.len() > WORDS_MAX {
            let mut end = WORDS_MAX - MASK.len();
            while !fit.is_char_boundary(end) {
                end -= 1;
            }
            fit.truncate(end);
            fit.push_str(MASK);
            break;
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_no_token_in_any_form_and_no_control_character() {
        let token = SecretString::from("a+b/c=");
        let text = "bad \u{1b}[31mtoken a+b/c= in ?token=a%2Bb%2Fc%3D&page=1 and a%2Bb%2Fc%3D";
        let fit = fit(text, Some(&token));
        assert_eq!(fit, "bad [31mtoken … in ?token=…&page=1 and …");
    }

    #[test]
    fn a_token_parameter_is_masked_even_if_it_is_not_ours() {
        assert_eq!(fit("at http://h/x?token=abc", None), "at http://h/x?token=…");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let fit = fit(&"ä".repeat(2000), None);
        assert!(fit.len() <= WORDS_MAX && fit.ends_with('…'));
    }
}
