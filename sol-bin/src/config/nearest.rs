//! Nearest: which of the words that are known somebody may have meant.

/// The one that is closest to the word, if any is close enough to be asked about.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let candidates = known.into_iter().filter_map(|candidate| {
        let distance = distance(&word, candidate);
        // One slip in three letters, or the beginning of a longer word.
        let is_near = distance * 3 <= word.chars().count().max(candidate.chars().count());
        let is_beginning = word.len() >= 3 && candidate.starts_with(&word);
        (is_near || is_beginning).then_some((distance, candidate))
    });
    candidates.min_by_key(|&(distance, _)| distance).map(|(_, candidate)| candidate)
}

/// Letters to insert, leave out, replace, or swap with their neighbour, to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for row in 1..=from.len() {
        let mut this = vec![row];
        for column in 1..=to.len() {
            let is_same = from[row - 1] == to[column - 1];
            let mut least =
                (last[column] + 1).min(this[column - 1] + 1).min(last[column - 1] + usize::from(!is_same));
            if row > 1 && column > 1 && from[row - 1] == to[column - 2] && from[row - 2] == to[column - 1] {
                let swapped: usize = before_last[column - 2];
                least = least.min(swapped + 1);
            }
            this.push(least);
        }
        before_last = std::mem::replace(&mut last, this);
    }
    last[to.len()]
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

    #[test]
    fn distances_are_those_of_the_book() {
        let table = [("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("same", "same", 0)];
        for (from, to, steps) in table {
            assert_eq!((distance(from, to), distance(to, from)), (steps, steps));
        }
    }
}
