//! A known secret is masked however it is spelled, and nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use rstest::rstest;

use super::*;

// Each test is a process of its own under nextest, and the secret is the same in all of them.
const TOKEN: &str = "qT9vZr4X+quiet/about=Jm27bKwe1";

fn masked(text: &str) -> String {
    remember(&SecretString::from(TOKEN), SecretKind::Random);
    mask(text).into_owned()
}

#[rstest]
#[case::plain("bad qT9vZr4X+quiet/about=Jm27bKwe1!", "bad …!")]
#[case::upper("qT9vZr4X%2Bquiet%2Fabout%3DJm27bKwe1", "…")]
#[case::lower("qT9vZr4X%2bquiet%2fabout%3dJm27bKwe1", "…")]
#[case::twice("x qT9vZr4X%252Bquiet%252fabout%253DJm27bKwe1 y", "x … y")]
#[case::thrice("qT9vZr4X%25252Bquiet%25252fabout%25253DJm27bKwe1", "…")]
#[case::broken("qT9vZr4X+quiet\r\n  /about=Jm27bKwe1", "…")]
#[case::zero_width("qT9vZr4X+qui\u{200b}et/about=Jm27\u{ad}bKwe1", "…")]
#[case::html("<b>qT9vZr4X&#x2B;quiet/about&#61;Jm27bKwe1</b>", "<b>…</b>")]
#[case::json(r#"{"a":"qT9vZr4X\u002Bquiet\/about\u003DJm27bKwe1"}"#, r#"{"a":"…"}"#)]
#[case::short_of_one("qT9vZr4X+quiet/about=Jm27bKwe.", "….")]
#[case::beginning("is qT9vZr4X+quiet/ab", "is …")]
#[case::case("QT9VZR4X+QUIET/ABOUT=JM27BKWE1", "…")]
#[case::unseen("qT\u{fe0f}9v\u{34f}Zr\u{3164}4X+quiet/about=Jm27bKwe1\u{e0041}", "…\u{e0041}")]
#[case::wide_blank("qT9vZr4X+q\u{3000}uiet/ab\u{205f}out=Jm2\u{1680}7bKwe1", "…")]
#[case::four_times("qT9vZr4X%2525252Bquiet/about=Jm27bKwe1", "…")]
#[case::named("qT9vZr4X&plus;quiet&sol;about&equals;Jm27bKwe1", "…")]
#[case::octal(r"qT9vZr4X\053quiet\057about\075Jm27bKwe1", "…")]
#[case::braces(r"qT9vZr4X\u{2b}quiet\x2fabout\x{3d}Jm27bKwe1", "…")]
#[case::shell(r"qT9vZr4X\+quiet/about\=Jm27bKwe1", "…")]
#[case::full_width("ｑT9vZr4X＋quiet／about＝Ｊm27bKwe1", "…")]
#[case::struck("q\u{336}T9vZr4X+qui\u{336}et/ab\u{336}out=Jm27bKwe1", "…")]
#[case::spelled_out("q-T-9-v-Z-r-4-X-+-q-u-i-e-t-/-a-b-o-u-t-=-J-m-2-7-b-K-w-e-1", "…")]
#[case::pieces("qT9vZr4X+qu | iet/about=J | m27bKwe1", "…")]
#[case::glued("äqT9vZr4X+quiet/about=Jm27bKwe1ä", "ä…ä")]
fn a_known_secret_is_masked_in_every_spelling(#[case] text: &str, #[case] left: &str) {
    assert_eq!(masked(text), left);
}

#[rstest]
#[case::plain("Grüße-Straße-Ærø-77")]
#[case::json(r"Gr\u00fc\u00dfe-Stra\u00dfe-\u00C6r\u00f8-77")]
#[case::html("Gr&#252;&#xdf;e-Stra&szlig;e-&AElig;r&oslash;-77")]
#[case::percent("Gr%C3%BC%c3%9fe-Stra%C3%9Fe-%C3%86r%C3%B8-77")]
#[case::latin1("Gr%FC%DFe-Stra%DFe-%C6r%F8-77")]
#[case::old("Gr%u00FC%u00DFe-Straße-Ærø-77")]
#[case::two_characters("Gru\u{308}ße-Straße-Ærø-77")]
#[case::capitals("GRÜSSE-STRASSE-ÆRØ-77")]
fn a_secret_with_letters_beyond_ascii_is_masked_in_every_spelling(#[case] text: &str) {
    remember(&SecretString::from("Grüße-Straße-Ærø-77"), SecretKind::Random);
    assert_eq!(mask(&format!("no: {text}.")), "no: ….");
}

#[rstest]
#[case("Käse 🧀 und 日本", r"K\u00e4se \ud83e\uddc0 und \u65e5\u672c")]
#[case("Käse 🧀 und 日本", r"K\u{e4}se \U0001f9c0 und \u{65e5}\u{672c}")]
#[case("Käse 🧀 und 日本", "K&auml;se &#129472; und &#x65e5;&#x672c;")]
#[case("hunter2-longer pass with blanks", "hunter2-longer+pass+with+blanks")]
fn a_password_of_several_words_is_masked_in_every_spelling(
    #[case] secret: &str,
    #[case] text: &str,
) {
    remember(&SecretString::from(secret), SecretKind::Random);
    assert_eq!(mask(text), "…");
}

#[test]
fn a_long_secret_in_hex_is_masked_with_anything_between_its_bytes() {
    remember(&SecretString::from(TOKEN), SecretKind::Random);
    for (before, between) in [("", ":"), ("", "-"), ("", " "), ("0x", ", "), ("\\x", "")] {
        let byte = |byte: u8| format!("{before}{byte:02X}");
        let hex: Vec<String> = TOKEN.bytes().map(byte).collect();
        let told = mask(&hex.join(between)).into_owned();
        assert!(told.chars().count() <= 2 * (STRIDE + before.len()), "{told}");
    }
}

/// Texts before and after a secret, so that it begins at each place of base64's groups.
const AROUND: [(&str, &str); 6] =
    [("", ""), ("u:", ""), ("use", "r"), ("user", ":x"), ("a user", "\n"), ("ab", "")];

#[rstest]
#[case::long(TOKEN, SecretKind::Random)]
#[case::with_all_letters("~~>>??..__--AZaz09éß~~>>??..__--", SecretKind::Random)]
#[case::short("hunt3r?~", SecretKind::Random)]
#[case::shortest("s3cr3t", SecretKind::Random)]
fn a_secret_that_was_encoded_is_masked_wherever_it_stands(
    #[case] secret: &str,
    #[case] kind: SecretKind,
) {
    remember(&SecretString::from(secret), kind);
    for (before, after) in AROUND {
        let text = format!("{before}{secret}{after}");
        let standard = STANDARD.encode(&text);
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let spelled = [
            standard.replace('+', "%2B").replace('=', "%3D"),
            standard.trim_end_matches('=').to_owned(),
            URL_SAFE.encode(&text),
            URL_SAFE_NO_PAD.encode(&text),
            hex.to_uppercase(),
            standard,
            hex,
        ];
        for spelled in spelled {
            let told = mask(&format!("said: {spelled}.")).into_owned();
            // A bit or two of the first and last byte, and the surrounding text.
            let around = before.len() + after.len();
            let left = told.strip_prefix("said: ").and_then(|told| told.strip_suffix('.'));
            let left = left.expect("the rest stays").chars().count();
            assert!(told.contains(MASK) && left <= 2 * around + 8, "{spelled}: {told}");
        }
    }
    let long = format!("{}{}", "x".repeat(10), STANDARD.encode(secret));
    assert!(!mask(&long).contains(&STANDARD.encode(secret)[..8]));
}

#[test]
fn a_piece_of_a_long_secret_that_was_encoded_is_masked_too() {
    remember(&SecretString::from(TOKEN), SecretKind::Random);
    for encoded in [STANDARD.encode(TOKEN), STANDARD.encode(format!("a{TOKEN}"))] {
        let told = mask(&encoded[5..25]).into_owned();
        assert!(told.contains(MASK) && told.chars().count() <= 2 * STRIDE + 1, "{told}");
    }
}

#[rstest]
#[case("at http://nowhere-else/x?token=abc", "at http://nowhere-else/x?token=…")]
#[case("x?token=abc&page=1 (original /x?TOKEN=def&a)", "x?token=…&page=1 (original /x?TOKEN=…&a)")]
#[case("x?a=1%26token%3Dabc%26b=2", "x?a=1%26token%3D…%26b=2")]
#[case(r#"{"jwtToken":"abc","a":1}"#, r#"{"jwtToken":"…","a":1}"#)]
#[case("token=… stays", "token=… stays")]
#[case(
    "the agent refuses the token: TOKEN: expired",
    "the agent refuses the token: TOKEN: expired"
)]
#[case("token= b", "token= b")]
#[case("token", "token")]
fn each_token_parameter_is_masked_even_if_it_is_not_ours(#[case] text: &str, #[case] left: &str) {
    assert_eq!(masked(text), left);
}

#[rstest]
#[case::plain("is abc%41defGHI0123&lt;xyz9876 it")]
#[case::percent("is abc%2541defGHI0123%26lt%3Bxyz9876 it")]
#[case::twice("is abc%252541defGHI0123%2526lt%253Bxyz9876 it")]
#[case::html("is abc%41defGHI0123&amp;lt;xyz9876 it")]
fn a_secret_that_holds_an_escape_is_masked_in_every_spelling(#[case] text: &str) {
    remember(&SecretString::from("abc%41defGHI0123&lt;xyz9876"), SecretKind::Random);
    assert_eq!(mask(text), "is … it");
}

#[test]
fn the_digits_of_a_code_are_not_looked_for_in_times() {
    remember(&SecretString::from("023000"), SecretKind::Random);
    assert_eq!(mask("code 023000, at 02:30:00"), "code …, at 02:30:00");
}

#[test]
fn what_looks_like_a_token_is_masked_even_if_it_is_not_ours() {
    // No other test's token begins so.
    let head = "eyJraWQiOiJub2JvZHkncyIsImFsZyI6Im5vbmUifQ";
    let token = format!("{head}.eyJvdGhlciI6InNlc3Npb24ifQ.OtherSignature0123456789");
    assert_eq!(mask(&format!("no: {token}, sorry")), "no: …, sorry");
    let alone = format!("no: {head}. Sorry");
    assert_eq!(mask(&alone), alone);
}

#[test]
fn other_words_stay_as_they_are() {
    let text = "nightly 6d0f6b0e: 100 % of 3 objects %zz & so on \\u12 &#x; 日本 %";
    assert_eq!(masked(text), text);
    assert_eq!(masked(""), "");
}

#[test]
fn an_address_is_masked_whole_and_its_host_alone_is_not() {
    let url = SecretString::from("https://hooks.example.com/services/T0p");
    remember(&url, SecretKind::Address);
    assert_eq!(masked("to https://hooks.example.com/services/T0p?"), "to …?");
    assert_eq!(masked("to hooks.example.com"), "to hooks.example.com");
}

#[test]
fn the_secret_part_of_an_address_is_masked_by_itself() {
    let id = "9f3c1e77-5b1a-4c0d-8e2f-abcdef012345";
    let url = format!("http://h:8000/ping/{id}/nightly-backup-2?from=transferd");
    remember(&SecretString::from(url), SecretKind::Address);
    assert_eq!(mask(&format!("no check at /ping/{id}/fail")), "no check at /ping/…/fail");
    let others = "the job nightly-backup-2 of transferd answers to a ping";
    assert_eq!(mask(others), others);
}

#[test]
fn masking_is_linear_in_the_text() {
    // As many as are known at a time, half of them short.
    for number in 0..KNOWN_MAX {
        let secret = format!("{number:04}") + if number % 2 == 0 { "pass" } else { TOKEN };
        remember(&SecretString::from(secret), SecretKind::Random);
    }
    for piece in ["token=", "%25", "&#x", "eyJ", "qT9vZr4X+qui", "\\u00", "cVQ5", "0000"] {
        let text = piece.repeat(50_000);
        assert!(masked(&text).len() <= text.len() + 150_000);
    }
}
