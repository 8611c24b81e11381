//! Text of a page, composed so that foreign text is never taken for markup.
//!
//! Keeps true: markup is written in this program and nowhere else (`&'static str`); all other text
//! is escaped, and its invisible characters are left out.

use std::fmt::{self, Display, Write};

use jiff::Timestamp;

use crate::core::ids::RunId;
use crate::core::plain::plain;
use crate::core::reason::Wording as _;
use crate::words::Times;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

/// Escapes what is written to it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in plain(text).chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

impl Html {
    /// An empty piece.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, or the value of an attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// Adds a time, in words, with its exact value for machines and for the pointer.
    pub(super) fn time(&mut self, at: Timestamp, words: &str, times: &Times) -> &mut Self {
        self.raw("<time datetime=\"").text(at).raw("\" title=\"").text(times.full(at));
        self.raw("\">").text(words).raw("</time>")
    }

    /// Adds a link to the page of a run.
    pub(super) fn run(&mut self, root: Root, run: RunId, times: &Times) -> &mut Self {
        self.raw("<a href=\"").raw(root.0).raw("runs/").text(run).raw("\">");
        self.text(times.run(run)).raw("</a>")
    }

    /// The text.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The way from a page to the front page: links are relative, so that the page may be below any
/// path of a proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root(pub(super) &'static str);

impl Root {
    /// The front page itself.
    pub(super) const HERE: Self = Self("");
    /// A page one level below.
    pub(super) const ABOVE: Self = Self("../");

    /// The link to the front page.
    pub(super) fn front(self) -> &'static str {
        if self.0.is_empty() { "./" } else { self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut html = Html::new();
        html.raw("<p title=\"").text("\" onload='x'").raw("\">");
        html.text("<script>alert(1)</script> & \u{202e}more\u{7}").raw("</p>");
        assert_eq!(
            html.into_string(),
            "<p title=\"&quot; onload=&#39;x&#39;\">&lt;script&gt;alert(1)&lt;/script&gt; &amp; \
             more </p>"
        );
    }
}
