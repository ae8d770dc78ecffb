//! Show: what is in force, as a file, and behind each line where its value comes from.

use toml::{Table, Value};

use super::Configuration;
use super::keys;
use super::path::{Path, Section};

pub(super) fn show(configuration: &Configuration) -> String {
    let in_force = &configuration.in_force;
    let settings = Table::try_from(&in_force.settings).expect("the settings are a table");
    let mut text = match configuration.file() {
        Some(file) => format!("# Read: {}\n", file.display()),
        None => format!("# Read: no file; there is no {} in the working directory\n", super::FILE),
    };
    let mut write = |section: Section, table: &Value| {
        text.push_str(&format!("\n{section}\n"));
        let table = table.as_table().expect("a section is a table");
        let lines: Vec<(String, String)> = table
            .iter()
            .map(|(key, value)| {
                let path = Path { section: section.clone(), key: key.clone() };
                (format!("{key} = {value}"), in_force.origins[&path].to_string())
            })
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
        for (line, origin) in lines {
            text.push_str(&format!("{line:width$}  # {origin}\n"));
        }
    };
    for section in keys::sections() {
        let table = &settings[&section.name];
        if section.name != Section::APP {
            write(Section::Named(&section.name), table);
            continue;
        }
        for (app, table) in table.as_table().expect("the apps are a table") {
            write(Section::App(app.parse().expect("it was one before")), table);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::*;
    use crate::config::file::Source;
    use crate::config::{Layer, Settings};

    #[test]
    fn what_is_shown_is_a_file_that_sets_what_is_in_force_and_says_where_it_comes_from() {
        let file = "[timers]\nping = \"5s\"\n\n[app.\"event/*\"]\njoin = \"live\"\n";
        let source = Source::of(FilePath::new("sol.toml"), file.into()).unwrap();
        let variables = [("SOL__defaults__lag".into(), "4s".into())];
        let configuration = Configuration::lay(Some(&source), variables, Layer::default()).unwrap();
        let shown = show(&configuration);
        assert_eq!(toml::from_str::<Settings>(&shown).unwrap(), *configuration.settings());
        for line in [
            "ping = \"5s\" # sol.toml:2",
            "silence = \"1m\" # default",
            "lag = \"4s\" # SOL__defaults__lag",
            "[app.\"event\"]",
            "join = \"live\" # sol.toml:5",
            "lag = \"4s\" # [defaults]",
        ] {
            let is_it = |shown: &str| shown.split_whitespace().eq(line.split_whitespace());
            assert!(shown.lines().any(is_it), "{line} is not in\n{shown}");
        }
    }

    #[test]
    fn an_app_whose_name_ends_with_a_space_is_shown_as_it_is() {
        let shown = shown("[app.\"event/ /\"]\nlag = \"4s\"\n");
        assert!(shown.contains("[app.\"event\"]\n"), "{shown}");
    }

    #[test]
    fn what_is_shown_is_good_also_where_a_tape_is_too_short_for_the_lag_that_nobody_asked_for() {
        let shown = shown("[defaults]\ntape_time = \"1s\"\ntape_bytes = \"1MiB\"\n");
        Configuration::of(shown.into(), [], Layer::default()).unwrap();
    }

    fn shown(file: &str) -> String {
        Configuration::of(file.into(), [], Layer::default()).unwrap().shown()
    }
}
