//! Nearest: which of the words that are known somebody may have meant.

/// The one that is closest to the word, if any is close enough to be asked about.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let candidates = known.into_iter().filter_map(|candidate| {
        let distance = strsim::osa_distance(&word, candidate);
        // One slip in three letters, or the beginning of a longer word.
        let is_near = distance * 3 <= word.chars().count().max(candidate.chars().count());
        let is_beginning = word.len() >= 3 && candidate.starts_with(&word);
        (is_near || is_beginning).then_some((distance, candidate))
    });
    candidates.min_by_key(|&(distance, _)| distance).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["grace", "lag", "lag_bytes", "patience", "window_ack_size"];
        let table = [
            ("grase", Some("grace")),
            ("garce", Some("grace")),
            ("GRACE", Some("grace")),
            ("lagbytes", Some("lag_bytes")),
            ("patients", Some("patience")),
            ("window", Some("window_ack_size")),
            ("la", Some("lag")),
            ("volume", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
