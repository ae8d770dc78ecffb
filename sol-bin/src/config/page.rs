//! Page: what docs/configuration.md says of each key is what the settings say.

use super::keys::{self, Key, SectionKeys};
use super::path::Section;
use super::sample::lower;

#[test]
fn the_page_has_every_key_with_its_default_and_what_it_takes() {
    let tables: Vec<String> =
        keys::sections().iter().filter(|section| section.name != Section::APP).map(table).collect();
    let all_there = tables.iter().all(|table| PAGE.contains(table));
    assert!(
        all_there,
        "the tables of docs/configuration.md are out of date; they are\n{}",
        tables.join("\n")
    );
}

fn table(section: &SectionKeys) -> String {
    let mut text = format!(
        "### `{}`\n\n{}\n\n| Key | Default | Takes | What it is |\n|---|---|---|---|\n",
        section.headline, section.about
    );
    for key in &section.keys {
        let what = first_sentence(&key.about);
        text.push_str(&format!("| `{}` | `{}` | {} | {what} |\n", key.name, key.default, takes(key)));
    }
    text
}

fn takes(key: &Key) -> String {
    if key.choices.is_empty() {
        return key.takes.clone();
    }
    let choices = key.choices.iter().map(|(word, about)| format!("`{word:?}`: {}", lower(about)));
    choices.collect::<Vec<_>>().join("; ")
}

fn first_sentence(about: &str) -> &str {
    about.split_once(". ").map_or(about.trim_end_matches('.'), |(first, _)| first)
}

const PAGE: &str = include_str!("../../../docs/configuration.md");
