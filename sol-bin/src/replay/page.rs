//! Page: lines of text that are read beside each other, none too long.
//!
//! ```text
//!    0.044  #1  →  connect(1) app: "live", flashVer: "FMLE/3.0 (compatible; Lavf59.27.100)",
//!                      tcUrl: "rtmp://127.0.0.1:19350/live"
//! ```

use std::time::Duration;

use sol_tokio::sol_core::observer::Party;

use super::note::{KEPT, Note};

/// The lines of a note, whose time counts from the beginning of the recording.
pub(super) fn lines_of(note: &Note, began: Duration) -> String {
    let seconds = note.at.saturating_sub(began).as_secs_f64();
    let arrow = match note.from {
        Some(Party::Client) => '→',
        Some(Party::Server) => '←',
        None => ' ',
    };
    let number = format!("#{}", note.connection);
    wrapped(&format!("{seconds:>10.3}  {number:<3} {arrow} "), &note.words)
}

/// Words behind a front, in as many lines as they need. They break between words, and within one that does not fit at all.
pub(super) fn wrapped(front: &str, words: &str) -> String {
    let front_width = front.chars().count();
    let indent = " ".repeat(front_width + 4);
    let mut page = front.to_owned();
    let mut width = front_width;
    let mut is_fresh = true;
    for word in words.split(' ') {
        let mut rest = word;
        let needed = word.chars().count() + usize::from(!is_fresh);
        if width + needed > WIDTH && !is_fresh {
            page.push('\n');
            page.push_str(&indent);
            width = indent.len();
            is_fresh = true;
        }
        if !is_fresh {
            page.push(' ');
            width += 1;
        }
        while width + rest.chars().count() > WIDTH {
            let (here, behind) = split_at_char(rest, WIDTH - width);
            page.push_str(here);
            page.push('\n');
            page.push_str(&indent);
            width = indent.len();
            rest = behind;
        }
        page.push_str(rest);
        width += rest.chars().count();
        is_fresh = false;
    }
    page.replace(KEPT, " ")
}

fn split_at_char(text: &str, count: usize) -> (&str, &str) {
    let at = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}

/// Columns of a line.
const WIDTH: usize = 112;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_go_on_below_their_words() {
        let words = format!("{} {} end", "word ".repeat(24).trim_end(), "x".repeat(150));
        let page = wrapped("front ", &words);
        let lines: Vec<_> = page.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{page}");
        assert!(lines[0].starts_with("front word word"));
        assert!(lines[1].starts_with("          word") && lines.last().unwrap().ends_with("x end"), "{page}");
        let together: String = lines.concat().split_whitespace().collect();
        assert_eq!(together, format!("front{words}").replace(' ', ""));
    }

    #[test]
    fn a_number_and_its_unit_stay_on_one_line() {
        let page = wrapped("", &format!("{} 12{KEPT}bytes", "x".repeat(WIDTH - 5)));
        assert_eq!(page.lines().last(), Some("    12 bytes"));
    }

    #[test]
    fn a_note_has_its_time_its_connection_and_its_direction_in_columns() {
        let began = Duration::from_secs(1_000);
        let said = super::super::note::say("x", "something");
        let note = said.at(began + Duration::from_millis(43_210), 12, Some(Party::Server));
        assert_eq!(lines_of(&note, began), "    43.210  #12 ← something");
    }
}
