//! One page of `get_all`: the vendor's `DTOCollection`, or a bare list.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::faults::describe;
use super::object::{Element, ElementSeed, without_mark};
use super::scalar::{Key, Scalar};
use super::transfer::{NAMES, ReadRecord};
use crate::agent::limits::PAGE_RECORDS_MAX;

/// The facts of a page beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageFacts {
    /// `total`: the length of the whole list, as the agent reports it.
    pub(crate) total: Option<u64>,
    /// `options.pageSize`: the applied size, as the agent reports it.
    pub(crate) page_size: Option<u64>,
    /// Elements in the page, readable or not, without nulls.
    pub(crate) count: u64,
    /// There was a list in place of an object with `data`.
    pub(crate) bare: bool,
    /// The page continues after the last record that was read: it has far more than requested, and
    /// the part after its records was not read.
    pub(crate) cut: bool,
}

/// Reads a page, and hands on its records one by one. The error is a message.
pub(crate) fn read_page(
    body: &[u8],
    each: &mut dyn FnMut(ReadRecord),
) -> Result<PageFacts, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(body));
    let mut facts = PageFacts::default();
    let read = deserializer
        .deserialize_any(PageVisitor { each, facts: &mut facts })
        .and_then(|()| deserializer.end());
    match read {
        // The reading was stopped, which does not discredit the part that was read.
        Err(_) if facts.cut => Ok(facts),
        Err(error) => Err(describe(body, &error)),
        Ok(()) => Ok(facts),
    }
}

struct PageVisitor<'a> {
    each: &'a mut dyn FnMut(ReadRecord),
    facts: &'a mut PageFacts,
}

impl PageVisitor<'_> {
    /// Takes an element of the list; an error once there are more than the bound.
    fn take<E: serde::de::Error>(
        &mut self,
        element: Element<'_, { NAMES.len() }>,
    ) -> Result<(), E> {
        let Some(record) = record(element) else { return Ok(()) };
        if self.facts.count >= PAGE_RECORDS_MAX {
            self.facts.cut = true;
            return Err(E::custom("the page has too many records"));
        }
        self.facts.count += 1;
        (self.each)(record);
        Ok(())
    }
}

/// The list in a page.
struct Records<'a, 'b>(&'a mut PageVisitor<'b>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of transfers")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element_seed(ElementSeed(&NAMES))? {
            self.0.take(element)?;
        }
        Ok(())
    }
}

/// An element of the list; nothing for a null.
fn record(element: Element<'_, { NAMES.len() }>) -> Option<ReadRecord> {
    match element {
        Element::Object(properties) => Some(ReadRecord::of(&properties)),
        Element::Null => None,
        Element::Other => Some(ReadRecord::unreadable()),
    }
}

impl<'de> Visitor<'de> for PageVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of transfers")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, list: A) -> Result<(), A::Error> {
        self.facts.bare = true;
        Records(&mut self).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("data") {
                found = true;
                map.next_value_seed(Records(&mut self))?;
            } else if key.0.eq_ignore_ascii_case("total") {
                let total: Scalar<'de> = map.next_value()?;
                self.facts.total = total.whole().and_then(|total| u64::try_from(total).ok());
            } else if key.0.eq_ignore_ascii_case("options") {
                if let Element::Object([size]) = map.next_value_seed(ElementSeed(&["pagesize"]))? {
                    self.facts.page_size = size.whole().and_then(|size| u64::try_from(size).ok());
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(serde::de::Error::missing_field("data")) }
    }
}
