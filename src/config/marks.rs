//! Where the values of a document stand: the same tree as [`super::node`], read by
//! `saphyr-parser`, which tells line and column of each. Made only when something is to be shown.
//!
//! Keeps true: indexes of entries and items agree with the unmarked tree. A text that this parser
//! refuses is marked up to there, and what lies beyond takes the place of its nearest ancestor.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::bounds::DEPTH;
use super::node::Step;

/// A position: line from 1, column from 0, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What stands at a place, as far as showing it needs to know.
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
}

/// All marks of one text.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    arena: Vec<Mark>,
    root: Option<usize>,
}

/// Where a value was found, and how it came there.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Where it stands.
    pub(crate) span: Range<Position>,
    /// The innermost alias on the way: where the value came in.
    pub(crate) through: Option<Range<Position>>,
    /// It stands there without quotes.
    pub(crate) plain: bool,
    /// It is a block scalar, whose text does not stand beside its mark.
    pub(crate) block: bool,
    /// The way could be gone to its end.
    pub(crate) exact: bool,
}

impl Marks {
    /// Reads as far as the parser follows.
    pub(crate) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        let mut anchors: HashMap<usize, usize> = HashMap::new();
        let mut open: Vec<Open> = Vec::new();
        let mut parser = Parser::new_from_str(text);
        while let Some(Ok((event, span))) = parser.next_event() {
            let span = range(span);
            let (shape, anchor) = match event {
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_) => continue,
                Event::DocumentEnd => break,
                Event::Alias(anchor) => match anchors.get(&anchor) {
                    Some(target) => (Shape::Alias(*target), 0),
                    None => break,
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
                    if let Some(closed) = open.pop() {
                        let start = marks.arena[closed.mark].span.start;
                        marks.arena[closed.mark].span.end = span.end.max(start);
                    }
                    continue;
                }
            };
            let container = matches!(shape, Shape::List(_) | Shape::Map(_));
            let index = marks.arena.len();
            marks.arena.push(Mark { span, shape });
            if anchor != 0 {
                anchors.insert(anchor, index);
            }
            match open.last_mut() {
                None => marks.root = Some(index),
                Some(parent) => parent.take(&mut marks.arena, index),
            }
            if container {
                if open.len() > DEPTH + 1 {
                    break;
                }
                open.push(Open { mark: index, key: None });
            }
        }
        marks
    }

    /// Goes a way from the document down.
    pub(crate) fn find(&self, way: &[Step]) -> Option<Found> {
        let mut here = self.root?;
        let mut through = None;
        let mut exact = true;
        for step in way {
            here = self.follow(here, &mut through);
            let next = match (&self.arena[here].shape, step) {
                (Shape::List(items), Step::Item(i)) => items.get(*i).copied(),
                (Shape::Map(entries), Step::Key(i)) => entries.get(*i).map(|entry| entry.0),
                (Shape::Map(entries), Step::Value(i)) => entries.get(*i).map(|entry| entry.1),
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
        Some(Found {
            span: mark.span.clone(),
            through,
            plain: matches!(mark.shape, Shape::Plain),
            block: matches!(mark.shape, Shape::Block),
            exact,
        })
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
                    entries.push((child, child));
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

/// True when lists and maps lie deeper in one another than a job file's may. Stops there, and so
/// costs no more than the text up to there.
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
