//! The expiry time inside a JWT. Nothing is verified: the agent judges tokens, we only warn.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;

use crate::agent::wire::read_object;

/// The `exp` claim (RFC 7519, 4.1.4); absent if the token is not a JWT or has none.
pub fn expiry(token: &str) -> Option<Timestamp> {
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::URL_SAFE,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let mut parts = token.trim().split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = FORGIVING.decode(claims).ok()?;
    let [end] = read_object(&claims, &["exp"]).ok()?;
    Timestamp::from_second(i64::try_from(end.whole()?).ok()?).ok()
}
