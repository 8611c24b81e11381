//! Numbers from one on, as the command line takes them.

use std::fmt::Display;
use std::str::FromStr;

/// A whole number from 1 to `most`.
///
/// # Errors
/// A message.
pub(super) fn from_one<T>(text: &str, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display + From<u8>,
{
    let number = text.parse().ok().filter(|number| T::from(1) <= *number && *number <= most);
    number.ok_or_else(|| format!("expected a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_from_one_to_the_most() {
        assert_eq!(from_one("1", 9_u16), Ok(1));
        assert_eq!(from_one("9", 9_u16), Ok(9));
        for other in ["0", "10", "-1", "x", "", "99999999999"] {
            let error = Err("expected a number from 1 to 9".to_owned());
            assert_eq!(from_one(other, 9_u16), error, "{other}");
        }
    }
}
