//! Quoted: a text as TOML writes it, in one line.

use toml::Value;

/// What can be put into a file and means the text.
pub(super) fn quoted(text: &str) -> String {
    let written = Value::from(text).to_string();
    // TOML likes to write several lines as such. JSON does not, and its strings are TOML's.
    if written.contains('\n') { serde_json::Value::from(text).to_string() } else { written }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_one_line_and_read_as_the_same_text() {
        let table = [
            ("live", r#""live""#),
            ("a\"b", r#"'a"b'"#),
            ("a\\b", r"'a\b'"),
            ("one\ntwo", r#""one\ntwo""#),
            ("one\ntwo \"\"\" '''", r#""one\ntwo \"\"\" '''""#),
            ("\u{1}", r#""\u0001""#),
            ("\u{e9}\u{200b}", "\"\u{e9}\u{200b}\""),
        ];
        for (text, written) in table {
            assert_eq!(quoted(text), written);
            assert_eq!(written.parse::<Value>().unwrap().as_str(), Some(text));
        }
    }
}
