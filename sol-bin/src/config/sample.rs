//! Sample: a file with every key, what it means and its default, to begin a configuration with.
//!
//! Keys are commented out, so that whoever keeps the file gets the better defaults of a later version.

use super::keys::{self, Key, SectionKeys};
use super::path::Section;

pub(super) fn sample() -> String {
    let mut text = BEGINNING.to_owned();
    for section in keys::sections() {
        text.push('\n');
        comment(&mut text, &section.about);
        if section.name == Section::APP {
            text.push_str(APPS);
        } else {
            write_section(&mut text, section);
        }
    }
    text
}

fn write_section(text: &mut String, section: &SectionKeys) {
    text.push_str(&format!("{}\n", section.headline));
    for key in &section.keys {
        text.push('\n');
        comment(text, &key.about);
        comment(text, &takes(key));
        text.push_str(&format!("#{} = {}\n", key.name, key.default));
    }
}

/// What a key takes, in a sentence.
fn takes(key: &Key) -> String {
    if key.choices.is_empty() {
        return format!("Takes {}.", key.takes);
    }
    let choices = key.choices.iter().map(|(word, about)| format!("{word:?}: {}", lower(about)));
    choices.collect::<Vec<_>>().join("; ") + "."
}

/// The text with a small letter at its beginning.
pub(super) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Writes lines that begin with `# `.
fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in words.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

const BEGINNING: &str = "\
# Configuration of Sol. Without this file, or with it as it is, everything is as the lines that begin with `#` and a key
# say: take away the `#` to change one.
#
# Durations have units: \"2h\", \"1m30s\", \"10s\", \"250ms\". Sizes too, or are plain numbers of bytes: \"16MiB\", \"64kB\", 65536.
# `sol config check FILE` looks for mistakes, `sol config show` tells what is in force and where it comes from.
";

const APPS: &str = "\
#[app.\"live\"]
#join = \"instant\"
#grace = \"30s\"

#[app.\"event/*\"]
#publish = \"closed\"
";

const WIDTH: usize = 110;

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::config::settings::Settings;

    #[test]
    fn the_sample_sets_nothing() {
        assert_eq!(toml::from_str::<Settings>(&sample()).unwrap(), Settings::default());
        let sections: Table = sample().parse().unwrap();
        assert!(sections.values().all(|section| section.as_table().unwrap().is_empty()));
    }

    #[test]
    fn with_every_key_taken_for_a_key_the_sample_is_the_defaults() {
        let sample = sample();
        let (sections, _) = sample.split_once("#[app").unwrap();
        let sections: Table =
            sections.lines().map(|line| uncommented(line) + "\n").collect::<String>().parse().unwrap();
        let mut defaults = Table::try_from(Settings::default()).unwrap();
        defaults.remove(Section::APP);
        assert_eq!(sections, defaults);
    }

    #[test]
    fn the_sections_of_apps_in_the_sample_are_good_ones() {
        let all: Vec<String> = sample().lines().map(uncommented).collect();
        let settings: Settings = toml::from_str(&all.join("\n")).unwrap();
        assert_eq!(settings.app.len(), 2);
    }

    /// The line as it is when somebody takes its `#` away. A comment in words has a space behind it.
    fn uncommented(line: &str) -> String {
        line.strip_prefix('#').filter(|key| key.starts_with(|c: char| c != ' ')).unwrap_or(line).to_owned()
    }
}
