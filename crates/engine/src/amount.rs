//! Amounts as people read them: bytes, dollars, counts.

/// A number of bytes, to three digits: `1.2 TiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1_024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = count as f64 / 1_024.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    let digits = if size < 9.95 { 1 } else { 0 };
    format!("{size:.digits$} {}", UNITS[unit])
}

/// Rounds a sum of US dollars to a millionth, which removes the error of binary fractions.
pub fn summed_dollars(sum: f64) -> f64 {
    (sum * 1e6).round() / 1e6
}

/// An amount of US dollars: to the cent, or to a hundredth of one below that.
pub fn dollars(amount: f64) -> String {
    let small = amount > 0.0 && amount < 0.01;
    let digits = if small { 4 } else { 2 };
    format!("${amount:.digits$}")
}
