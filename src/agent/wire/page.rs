//! One page of `get_all`: the vendor's `DTOCollection`, or a bare list.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::faults::told;
use super::object::{Element, ElementSeed, ListSeed, without_mark};
use super::scalar::{Key, Scalar};
use super::transfer::{NAMES, ReadRecord};

/// What a page says besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageFacts {
    /// `total`: the length of the whole list, as the agent tells it.
    pub(crate) total: Option<u64>,
    /// `options.pageSize`: the size that was applied, as the agent tells it.
    pub(crate) page_size: Option<u64>,
    /// Elements in the page, readable or not, nulls left out.
    pub(crate) count: u64,
    /// A list stood where an object with `data` was expected.
    pub(crate) bare: bool,
}

/// Reads a page, and hands on its records one by one. The error is in words.
pub(crate) fn read_page(
    body: &[u8],
    each: &mut dyn FnMut(ReadRecord),
) -> Result<PageFacts, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(body));
    let facts = deserializer
        .deserialize_any(PageVisitor { each })
        .and_then(|facts| deserializer.end().map(|()| facts));
    facts.map_err(|error| told(body, &error))
}

struct PageVisitor<'a> {
    each: &'a mut dyn FnMut(ReadRecord),
}

/// An element of the list; a null is none.
fn record(element: Element<'_, { NAMES.len() }>) -> Option<ReadRecord> {
    match element {
        Element::Object(properties) => Some(ReadRecord::of(&properties)),
        Element::Null => None,
        Element::Other => Some(ReadRecord::default()),
    }
}

impl<'de> Visitor<'de> for PageVisitor<'_> {
    type Value = PageFacts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of transfers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PageFacts, A::Error> {
        let mut facts = PageFacts { bare: true, ..PageFacts::default() };
        while let Some(element) = list.next_element_seed(ElementSeed(&NAMES))? {
            if let Some(record) = record(element) {
                facts.count += 1;
                (self.each)(record);
            }
        }
        Ok(facts)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PageFacts, A::Error> {
        let mut facts = PageFacts::default();
        let mut found = false;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("data") {
                found = true;
                let mut each = |element: Element<'_, { NAMES.len() }>| {
                    if let Some(record) = record(element) {
                        facts.count += 1;
                        (self.each)(record);
                    }
                };
                map.next_value_seed(ListSeed { names: &NAMES, each: &mut each })?;
            } else if key.0.eq_ignore_ascii_case("total") {
                let total: Scalar<'de> = map.next_value()?;
                facts.total = total.whole().and_then(|total| u64::try_from(total).ok());
            } else if key.0.eq_ignore_ascii_case("options") {
                if let Element::Object([size]) = map.next_value_seed(ElementSeed(&["pagesize"]))? {
                    facts.page_size = size.whole().and_then(|size| u64::try_from(size).ok());
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(facts) } else { Err(serde::de::Error::missing_field("data")) }
    }
}
