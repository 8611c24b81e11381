//! Keys whose value follows their `:` without a space: `source:{account: a}`. YAML takes that for a
//! text, and complains about something further on.

use super::problem::cut;

/// The column behind such a key on a line, from 1, with a message and a hint.
pub(crate) fn glued(line: &str) -> Option<(usize, String, String)> {
    let own = line.trim_start_matches([' ', '-']);
    let (key, value) = own.split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    let opens = value.starts_with(['{', '[', '"', '\'']);
    let column = line.chars().count() - value.chars().count() + 1;
    (is_key && opens).then(|| {
        let key = cut(key);
        let example = value.chars().next().unwrap_or_default();
        (column, format!("a space is missing after `{key}:`"), format!("write `{key}: {example}…`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_glued_to_its_key_is_found() {
        let column = |line| glued(line).map(|(column, ..)| column);
        for (line, found) in [
            ("    source:{account: a, bucket: b}", 12),
            ("schedule:\"30 2 * * *\"", 10),
            ("  - on:[failed]", 8),
        ] {
            assert_eq!(column(line), Some(found), "{line}");
        }
        for line in ["source: {account: a}", "url: http://[::1]:1", "# a:{b}", "a b:{c}", "path:"] {
            assert_eq!(column(line), None, "{line}");
        }
    }
}
