//! Translates text with color codes into the library's styled lines.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::cli::render::paint::{Tone, parts};

/// The styled lines of a text with color codes.
pub(super) fn lines(text: &str) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    for (tone, part) in parts(text) {
        for (index, piece) in part.split('\n').enumerate() {
            if index > 0 {
                lines.push(Line::default());
            }
            if let Some(line) = lines.last_mut().filter(|_| !piece.is_empty()) {
                line.push_span(Span::styled(piece.to_owned(), style(tone)));
            }
        }
    }
    // A text that ends with a line feed has no line after it.
    lines.pop_if(|last| last.spans.is_empty());
    lines
}

/// The lines with each one that is wider than the screen, such as a long name, wrapped at its edge:
/// the library would cut it there.
pub(super) fn within(lines: Vec<Line<'static>>, room: usize) -> Vec<Line<'static>> {
    let mut all = Vec::new();
    for line in lines {
        if line.width() <= room {
            all.push(line);
            continue;
        }
        let (mut here, mut used) = (Line::default(), 0);
        for span in line.spans {
            for c in span.content.chars() {
                let piece = Span::styled(c.to_string(), span.style);
                if used + piece.width() > room {
                    all.push(std::mem::take(&mut here));
                    used = 0;
                }
                used += piece.width();
                here.push_span(piece);
            }
        }
        all.push(here);
    }
    all
}

/// The library's style for a tone of [`Paint`](crate::cli::render::paint::Paint).
fn style(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Strong => style.bold(),
        Tone::Faint => style.dim(),
        Tone::Good => style.green(),
        Tone::Busy => style.cyan(),
        Tone::Doubtful => style.yellow(),
        Tone::Bad => style.red(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Stylize;

    use super::*;
    use crate::cli::render::paint::Paint;

    #[test]
    fn colors_stay_where_they_are_painted_over_several_lines_too() {
        let paint = Paint(true);
        let (bad, strong) = (paint.tone(Tone::Bad, "b\n  c"), paint.tone(Tone::Strong, "d"));
        let drawn = lines(&format!("a {bad}\n\n{strong} e\n"));
        let expected = [
            Line::from(vec!["a ".into(), "b".red()]),
            Line::from(vec!["  c".red()]),
            Line::default(),
            Line::from(vec!["d".bold(), " e".into()]),
        ];
        assert_eq!(drawn, expected);
        assert_eq!(lines(""), []);
    }

    #[test]
    fn what_is_wider_than_the_screen_is_broken_at_its_edge() {
        let text = Paint(true).tone(Tone::Strong, "a-long-name");
        let drawn = within(lines(&format!("one\n{text}\n")), 6);
        let told: Vec<_> = drawn.iter().map(Line::to_string).collect();
        assert_eq!(told, ["one", "a-long", "-name"]);
        assert!(drawn[2].spans.iter().all(|span| span.style == Style::new().bold()));
    }
}
