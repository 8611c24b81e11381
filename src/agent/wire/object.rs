//! JSON objects of which only a few named properties are kept, and lists of such objects.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Key, Scalar};

/// The values of the wanted properties, in the order of the wanted names; null if missing.
pub(crate) type Properties<'de, const N: usize> = [Scalar<'de>; N];

/// An element of a list of objects.
pub(super) enum Element<'de, const N: usize> {
    /// An object.
    Object(Properties<'de, N>),
    /// Null.
    Null,
    /// Anything else.
    Other,
}

/// Reads one object. `names` are compared without regard to case.
pub(crate) fn read_object<'de, const N: usize>(
    body: &'de [u8],
    names: &[&str; N],
) -> Result<Properties<'de, N>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(body));
    let element = ElementSeed(names).deserialize(&mut deserializer)?;
    deserializer.end()?;
    match element {
        Element::Object(properties) => Ok(properties),
        Element::Null | Element::Other => {
            Err(serde::de::Error::custom("an object was expected, and something else came"))
        }
    }
}

/// The body without a byte order mark, which some .NET writers put first.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Reads an element of any kind.
pub(super) struct ElementSeed<'a, const N: usize>(pub(super) &'a [&'a str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for ElementSeed<'_, N> {
    type Value = Element<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for ElementSeed<'_, N> {
    type Value = Element<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Element::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Element::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Element::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Element::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Element::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Element::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut properties: Properties<'de, N> = std::array::from_fn(|_| Scalar::Null);
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let Some(index) = self.0.iter().position(|name| name.eq_ignore_ascii_case(&key.0))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: Scalar<'de> = map.next_value()?;
            // Of two spellings of one name, the one with a value counts.
            if value != Scalar::Null {
                properties[index] = value;
            }
        }
        Ok(Element::Object(properties))
    }
}

/// Reads a list, bare or as the `data` of an object, and hands on its elements one by one. Null is
/// an empty list.
pub(super) struct ListSeed<'a, const N: usize> {
    /// The wanted names.
    pub(super) names: &'a [&'a str; N],
    /// Takes each element.
    pub(super) each: &'a mut dyn FnMut(Element<'_, N>),
}

impl<'de, const N: usize> DeserializeSeed<'de> for ListSeed<'_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for ListSeed<'_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element_seed(ElementSeed(self.names))? {
            (self.each)(element);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("data") {
                found = true;
                map.next_value_seed(ListSeed { names: self.names, each: &mut *self.each })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(serde::de::Error::missing_field("data")) }
    }
}
