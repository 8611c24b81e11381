//! Dates in the forms that .NET agents use (`click-api` page, "no date" and fractional digits).

use jiff::Timestamp;

use crate::world::Variants;

/// A date as JSON: year 1, or null, if there is none.
pub(super) fn date(at: Option<Timestamp>, variants: &Variants) -> serde_json::Value {
    let zone = if variants.dates_without_zone { "" } else { "Z" };
    match at {
        None if variants.null_dates => serde_json::Value::Null,
        None => format!("0001-01-01T00:00:00{zone}").into(),
        Some(at) => {
            let digits = if variants.seven_digits { "%.7f" } else { "%.3f" };
            format!("{}{zone}", at.strftime(&format!("%Y-%m-%dT%H:%M:%S{digits}"))).into()
        }
    }
}

/// A `Date` header (RFC 9110 §5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_in_the_forms_that_the_variants_name() {
        let at: Timestamp = "2026-11-23T20:15:09.12Z".parse().unwrap();
        let plain = Variants::default();
        let odd = Variants { dates_without_zone: true, seven_digits: true, ..plain };
        assert_eq!(date(Some(at), &plain), "2026-11-23T20:15:09.120Z");
        assert_eq!(date(Some(at), &odd), "2026-11-23T20:15:09.1200000");
        assert_eq!(date(None, &odd), "0001-01-01T00:00:00");
        assert_eq!(http_date(at), "Mon, 23 Nov 2026 20:15:09 GMT");
    }
}
