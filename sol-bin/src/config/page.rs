//! Page: what docs/configuration.md says of each key is what the settings say.

use std::path::Path;

use super::file::Source;
use super::keys::{self, Key, SectionKeys};
use super::path::Section;
use super::sample::lower;
use super::{Configuration, Layer};

#[test]
fn the_page_has_every_key_with_its_default_and_what_it_takes() {
    let tables: Vec<String> =
        keys::sections().iter().filter(|section| section.name != Section::APP).map(table).collect();
    // A table ends with a blank line, or with the page: a row too many is no part of ours.
    let page = format!("{PAGE}\n");
    let all_there = tables.iter().all(|table| page.contains(&format!("{table}\n")));
    assert!(
        all_there,
        "the tables of docs/configuration.md are out of date; they are\n{}",
        tables.join("\n")
    );
}

#[test]
fn the_examples_on_the_page_are_good_ones() {
    let examples: Vec<&str> = PAGE.split("```toml\n").skip(1).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let (example, _) = example.split_once("```").expect("an example ends");
        let source = Source::of(Path::new("sol.toml"), example.into()).unwrap();
        Configuration::lay(Some(&source), [], Layer::default()).unwrap();
    }
}

fn table(section: &SectionKeys) -> String {
    let mut text = format!(
        "### `{}`\n\n{}\n\n| Key | Default | Takes | What it is |\n|---|---|---|---|\n",
        section.headline, section.about
    );
    for key in &section.keys {
        text.push_str(&format!("| `{}` | `{}` | {} | {} |\n", key.name, key.default, takes(key), key.about));
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

const PAGE: &str = include_str!("../../../docs/configuration.md");
