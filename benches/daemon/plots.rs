//! Plots as SVG: one panel a curve, beside each other, the horizontal axis logarithmic.

use std::fmt;

/// Points over a size.
#[derive(Debug)]
pub(crate) struct Curve {
    /// What is drawn, with its unit.
    pub(crate) title: &'static str,
    /// Size and value, by growing size.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves over the same sizes.
#[derive(Debug)]
pub(crate) struct Plot {
    /// What the size is.
    pub(crate) over: &'static str,
    /// One panel each.
    pub(crate) curves: Vec<Curve>,
}

const PANEL: f64 = 290.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 52.0;
/// Lines across each panel, the ground line left out.
const STEPS: u32 = 4;

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panels = self.curves.iter().scan(0.0, |left, curve| {
            let here = *left;
            *left += PANEL;
            Some((here, curve))
        });
        let panels: Vec<_> = panels.collect();
        let width = panels.last().map_or(PANEL, |(left, _)| left + PANEL);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" \
             width=\"{width}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
        )?;
        for (left, curve) in panels {
            panel(f, left, curve)?;
        }
        let (middle, bottom) = (width / 2.0, HEIGHT - 10.0);
        writeln!(
            f,
            "<text x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">{}</text>",
            self.over
        )?;
        writeln!(f, "</svg>")
    }
}

fn panel(f: &mut fmt::Formatter<'_>, left: f64, curve: &Curve) -> fmt::Result {
    let top_value = ceiling(curve.points.iter().map(|point| point.1).fold(0.0, f64::max));
    let sizes = || curve.points.iter().map(|point| point.0.log10());
    let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let span = if most > least { most - least } else { 1.0 };
    let across = |size: f64| left + LEFT + (size.log10() - least) / span * (PANEL - LEFT - RIGHT);
    let down = |value: f64| HEIGHT - BOTTOM - value / top_value * (HEIGHT - TOP - BOTTOM);
    writeln!(
        f,
        "<text x=\"{}\" y=\"18\" font-weight=\"bold\">{}</text>",
        left + 12.0,
        curve.title.replace('`', "")
    )?;
    for step in 0..=STEPS {
        let value = top_value * f64::from(step) / f64::from(STEPS);
        let (y, from, to) = (down(value), left + LEFT, left + PANEL - RIGHT);
        writeln!(
            f,
            "<line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#cccccc\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            from - 6.0,
            y + 4.0,
            rounded(value)
        )?;
    }
    let line: Vec<String> = curve
        .points
        .iter()
        .map(|(size, value)| format!("{:.1},{:.1}", across(*size), down(*value)))
        .collect();
    writeln!(
        f,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"2\"/>",
        line.join(" ")
    )?;
    for (size, value) in &curve.points {
        let (x, y) = (across(*size), down(*value));
        writeln!(
            f,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#1f5fa8\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{size}</text>",
            HEIGHT - BOTTOM + 16.0
        )?;
    }
    Ok(())
}

/// The next of 1, 2, 4, 8 times a power of ten: its quarters are short numbers.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 8.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|candidate| *candidate >= value)
        .unwrap_or(10.0 * power)
}

fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
