//! One JSON value of any type, borrowed from the text where possible, and the values that it may be
//! read as.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

/// A value. Of a nested object only its `id` is kept, of a nested list nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'de> {
    /// Missing or null.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Whole(i128),
    /// Another number.
    Float(f64),
    /// Text.
    Text(Cow<'de, str>),
    /// An object, with the `id` in it if that is text.
    Object(Option<Cow<'de, str>>),
    /// A list.
    List,
}

impl<'de> Scalar<'de> {
    /// Text; a number counts as its digits, null as empty. Absent for any other type.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => Some(Cow::Borrowed("")),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Whole(number) => Some(Cow::Owned(number.to_string())),
            Self::Float(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(_) | Self::Object(_) | Self::List => None,
        }
    }

    /// Text that is not empty.
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            Self::Text(_)
            | Self::Null
            | Self::Bool(_)
            | Self::Whole(_)
            | Self::Float(_)
            | Self::Object(_)
            | Self::List => None,
        }
    }

    /// A whole number, also as text or as a float.
    pub(crate) fn whole(&self) -> Option<i128> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Float(number) => whole_of(*number),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole_of(text.parse().ok()?))
            }
            Self::Null | Self::Bool(_) | Self::Object(_) | Self::List => None,
        }
    }

    /// A count or a size; 0 if missing, unreadable or negative.
    pub(crate) fn count(&self) -> u64 {
        let whole = self.whole().unwrap_or(0).max(0);
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    /// A measure; 0 if missing, unreadable, negative or not finite.
    pub(crate) fn measure(&self) -> f64 {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "a measure is shown, never counted")]
            Self::Whole(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().trim_end_matches('%').trim().parse().unwrap_or(0.0),
            Self::Null | Self::Bool(_) | Self::Object(_) | Self::List => 0.0,
        };
        if number.is_finite() && number > 0.0 { number } else { 0.0 }
    }

    /// An amount, 0 included; absent if missing, unreadable, negative or not finite.
    pub(crate) fn amount(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "whole amounts are small")]
            Self::Whole(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Null | Self::Bool(_) | Self::Object(_) | Self::List => return None,
        };
        (number.is_finite() && number >= 0.0).then_some(number)
    }

    /// A flag; absent if it is not one. Null is `false`: .NET may leave a false out.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Null => Some(false),
            Self::Bool(flag) => Some(*flag),
            Self::Whole(number) => Some(*number != 0),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Self::Text(_) | Self::Float(_) | Self::Object(_) | Self::List => None,
        }
    }

    /// A uuid that is not the zero one.
    pub(crate) fn uuid(&self) -> Option<Uuid> {
        let text = match self {
            Self::Text(text) | Self::Object(Some(text)) => text,
            Self::Null
            | Self::Bool(_)
            | Self::Whole(_)
            | Self::Float(_)
            | Self::Object(None)
            | Self::List => return None,
        };
        Uuid::parse_str(text.trim()).ok().filter(|uuid| !uuid.is_nil())
    }

    /// Whether it refers to another record; absent if that can't be told. Besides the forms of
    /// [`Scalar::is_none`], agents may write "none" as zero, as false, as a word, or as an empty
    /// object or list.
    pub(crate) fn reference(&self) -> Option<bool> {
        if self.uuid().is_some() {
            return Some(true);
        }
        let words = ["null", "none", "undefined"];
        let is_empty = match self {
            Self::Text(text) => words.iter().any(|word| text.trim().eq_ignore_ascii_case(word)),
            Self::Whole(number) => *number == 0,
            Self::Float(number) => *number == 0.0,
            Self::Bool(flag) => !flag,
            Self::Null | Self::Object(_) | Self::List => true,
        };
        (is_empty || self.is_none()).then_some(false)
    }

    /// True for null, for empty text, and for the zero uuid: .NET's ways to write "none".
    pub(crate) fn is_none(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => {
                text.trim().is_empty() || Uuid::parse_str(text.trim()).is_ok_and(|u| u.is_nil())
            }
            Self::Bool(_) | Self::Whole(_) | Self::Float(_) | Self::Object(_) | Self::List => false,
        }
    }
}

/// A float that is a whole number, limited to the range of an `i64`.
fn whole_of(number: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and NaN is ruled out")]
    number.is_finite().then_some(i128::from(number as i64))
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut id = None;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("id") {
                if let Scalar::Text(text) = map.next_value()? {
                    id = Some(text);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Scalar::Object(id))
    }
}

/// A property name, borrowed unless it is written with escapes.
pub(super) struct Key<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a property name")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
