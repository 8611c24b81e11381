//! Positions of the values of a document: the same tree as [`super::node`], read by
//! `saphyr-parser`, which reports line and column of each. Made only when something is to be shown.
//!
//! Keeps true: indexes of entries and items agree with the tree without positions. A text that this
//! parser refuses has positions up to the refused point; a value beyond it gets the position of its
//! nearest ancestor.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::bounds::DEPTH;
use super::node::Step;

/// A position: line from 1, column from 0, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The shape of the value at a place, as far as needed to show it.
#[derive(Debug)]
enum Shape {
    Plain,
    Quoted,
    Block,
    Alias(usize),
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
}

#[derive(Debug)]
struct Mark {
    span: Range<Position>,
    shape: Shape,
    /// Its end has been read.
    closed: bool,
}

/// The positions in one text, as far as it has been read.
pub(crate) struct Marks<'t> {
    arena: Vec<Mark>,
    root: Option<usize>,
    anchors: HashMap<usize, usize>,
    open: Vec<Open>,
    parser: Parser<'t, StrInput<'t>>,
    ended: bool,
}

/// A value that was found, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its place.
    pub(crate) span: Range<Position>,
    /// The innermost alias on the way: where the value came in.
    pub(crate) through: Option<Range<Position>>,
    /// It is written without quotes.
    pub(crate) plain: bool,
    /// It is a block scalar, whose text is not beside its mark.
    pub(crate) block: bool,
    /// The whole path was found.
    pub(crate) exact: bool,
}

impl<'t> Marks<'t> {
    /// The positions in a text, which is read on demand.
    pub(crate) fn of(text: &'t str) -> Self {
        Self {
            arena: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            open: Vec::new(),
            parser: Parser::new_from_str(text),
            ended: false,
        }
    }

    /// Reads one more event; the end of the part that the parser accepts is the end.
    fn advance(&mut self) {
        let Some(Ok((event, span))) = self.parser.next_event() else {
            self.ended = true;
            return;
        };
        let span = range(span);
        let (shape, anchor) = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                return;
            }
            Event::DocumentEnd => {
                self.ended = true;
                return;
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(target) => (Shape::Alias(*target), 0),
                None => {
                    self.ended = true;
                    return;
                }
            },
            Event::Scalar(_, style, anchor, _) => (
                match style {
                    ScalarStyle::Plain => Shape::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Shape::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Shape::Block,
                },
                anchor,
            ),
            Event::SequenceStart(anchor, _) => (Shape::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => (Shape::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = self.open.pop() {
                    let mark = &mut self.arena[closed.mark];
                    mark.span.end = span.end.max(mark.span.start);
                    mark.closed = true;
                }
                return;
            }
        };
        self.take(span, shape, anchor);
    }

    fn take(&mut self, span: Range<Position>, shape: Shape, anchor: usize) {
        let container = matches!(shape, Shape::List(_) | Shape::Map(_));
        let index = self.arena.len();
        self.arena.push(Mark { span, shape, closed: !container });
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        match self.open.last_mut() {
            None => self.root = Some(index),
            Some(parent) => parent.take(&mut self.arena, index),
        }
        if container {
            self.ended |= self.open.len() > DEPTH + 1;
            self.open.push(Open { mark: index, key: None });
        }
    }

    /// Follows a path from the document down, reading on until its end is known.
    pub(crate) fn find(&mut self, way: &[Step]) -> Option<Found> {
        // Searching again after each event would cost the square of the length.
        const EVENTS: usize = 2_000;
        loop {
            let found = self.look(way);
            let known = found.as_ref().is_some_and(|(found, closed)| found.exact && *closed);
            if known || self.ended {
                return found.map(|(found, _)| found);
            }
            for _ in 0..EVENTS {
                if !self.ended {
                    self.advance();
                }
            }
        }
    }

    /// Follows a path from the document down, as far as it has been read, and returns whether its
    /// value has been read to the end.
    fn look(&self, way: &[Step]) -> Option<(Found, bool)> {
        let mut here = self.root?;
        let mut through = None;
        let mut exact = true;
        for step in way {
            here = self.follow(here, &mut through);
            let next = match (&self.arena[here].shape, step) {
                (Shape::List(items), Step::Item(i)) => items.get(*i).copied(),
                (Shape::Map(entries), Step::Key(i)) => entries.get(*i).map(|entry| entry.0),
                (Shape::Map(entries), Step::Value(i)) => {
                    entries.get(*i).map(|entry| entry.1).filter(|value| *value != VALUE_TO_COME)
                }
                (
                    Shape::Plain
                    | Shape::Quoted
                    | Shape::Block
                    | Shape::Alias(_)
                    | Shape::List(_)
                    | Shape::Map(_),
                    _,
                ) => None,
            };
            match next {
                Some(next) => here = next,
                None => {
                    exact = false;
                    break;
                }
            }
        }
        here = self.follow(here, &mut through);
        let mark = &self.arena[here];
        let found = Found {
            span: mark.span.clone(),
            through,
            plain: matches!(mark.shape, Shape::Plain),
            block: matches!(mark.shape, Shape::Block),
            exact,
        };
        Some((found, mark.closed))
    }

    fn follow(&self, here: usize, through: &mut Option<Range<Position>>) -> usize {
        match self.arena[here].shape {
            Shape::Alias(target) => {
                *through = Some(self.arena[here].span.clone());
                target
            }
            Shape::Plain | Shape::Quoted | Shape::Block | Shape::List(_) | Shape::Map(_) => here,
        }
    }
}

/// The index of a value that has not been read yet.
const VALUE_TO_COME: usize = usize::MAX;

/// A list or map that is being read.
struct Open {
    mark: usize,
    key: Option<usize>,
}

impl Open {
    fn take(&mut self, arena: &mut [Mark], child: usize) {
        match &mut arena[self.mark].shape {
            Shape::List(items) => items.push(child),
            Shape::Map(entries) => match self.key.take() {
                None => {
                    self.key = Some(child);
                    // A key whose value is never reached can still be found.
                    entries.push((child, VALUE_TO_COME));
                }
                Some(key) => {
                    entries.pop();
                    entries.push((key, child));
                }
            },
            Shape::Plain | Shape::Quoted | Shape::Block | Shape::Alias(_) => {}
        }
    }
}

fn range(span: Span) -> Range<Position> {
    let at = |marker: saphyr_parser::Marker| Position {
        line: marker.line().max(1),
        column: marker.col(),
    };
    at(span.start)..at(span.end)
}

/// Finds the place where lists and maps are nested deeper than a job file allows. Stops there, and
/// so costs no more than the text up to there.
pub(crate) fn too_deep(text: &str) -> Option<Position> {
    let mut depth = 0_usize;
    let mut parser = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                depth += 1;
                if depth > DEPTH {
                    return Some(range(span).start);
                }
            }
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::Scalar(..) => {}
        }
    }
    None
}
