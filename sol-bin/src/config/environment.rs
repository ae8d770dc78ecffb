//! Environment: variables such as `SOL__defaults__grace=5s`, which lie over the file.
//!
//! A value is TOML where it is TOML, and a string otherwise, so that most need no quotes in quotes. A list needs no
//! brackets; where it is not TOML within them either, its elements are strings between commas.

use std::collections::BTreeMap;
use std::ffi::OsString;

use toml::Value;

use super::keys::{self, Key, SectionKeys, UnknownKey};
use super::layer::{Layer, Leaf, Origin};
use super::mistake::Mistake;
use super::path::{Path, Section};
use super::pattern::AppPattern;
use super::place::Place;

/// What variables set, and what is wrong with them. Those of others are left alone.
pub(crate) fn layer(variables: impl IntoIterator<Item = (OsString, OsString)>) -> (Layer, Vec<Mistake>) {
    let mut ours: Vec<(String, OsString)> = variables
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    ours.sort();
    let (mut leaves, mut mistakes) = (Vec::new(), Vec::new());
    let mut names = BTreeMap::new();
    for (name, value) in ours {
        match read(&name, value).and_then(|leaf| is_written_alike(&leaf, &name, &mut names).map(|()| leaf)) {
            Ok(leaf) => leaves.push(leaf),
            Err((what, expected)) => mistakes.push(Mistake::at(Place::Variable(name), what, expected)),
        }
    }
    (Layer::of(leaves), mistakes)
}

/// Whether the app of a variable is written as in those before it: a file has one section for each, too.
fn is_written_alike(
    leaf: &Leaf,
    name: &str,
    names: &mut BTreeMap<AppPattern, String>,
) -> Result<(), (String, String)> {
    let Section::App(app) = &leaf.path.section else { return Ok(()) };
    let without_key = |name: &str| name.rsplit_once(SEPARATOR).map(|(app, _)| app.to_owned());
    let before = names.entry(app.clone()).or_insert_with(|| name.to_owned());
    if without_key(before) == without_key(name) {
        return Ok(());
    }
    let expected = format!("expected all variables for {} to write it alike", leaf.path.section);
    Err((format!("it means the same app as {before}"), expected))
}

/// What one variable sets; or what is wrong, and what was expected.
fn read(name: &str, value: OsString) -> Result<Leaf, (String, String)> {
    let (section, key) = find(name)?;
    let path = Path { section, key: key.name.clone() };
    let text = value.into_string().map_err(|_| ("its value is not UTF-8".to_owned(), key.expected()))?;
    let value = value_of(key, &text);
    key.check(&path.section, &value).map_err(|wrong| (wrong.what, wrong.expected))?;
    Ok(Leaf { path, value, origin: Origin::Set(Place::Variable(name.to_owned())) })
}

/// The key that a variable names.
fn find(name: &str) -> Result<(Section, &'static Key), (String, String)> {
    let parts: Vec<&str> = name[PREFIX.len()..].split(SEPARATOR).collect();
    let nothing_named =
        || ("it names no key of a section".to_owned(), format!("expected {PREFIX}section__key"));
    let [section, between @ .., key] = &parts[..] else {
        let having = keys::sections().iter().find(|section| section.key(parts[0]).is_ok());
        let meant = having.map(|section| format!("did you mean {}?", variable(section, &[], parts[0])));
        let (what, expected) = nothing_named();
        return Err((what, meant.unwrap_or(expected)));
    };
    let keys = keys::section(section).map_err(|near| {
        let near = near.map(|near| {
            let key = match near.key(key) {
                Err(UnknownKey::Near(key)) => key,
                Ok(_) | Err(UnknownKey::Elsewhere(_) | UnknownKey::Nowhere) => key,
            };
            format!("did you mean {}?", variable(near, between, key))
        });
        let all: Vec<&str> = keys::sections().iter().map(|section| &*section.name).collect();
        let sections = || format!("sections are {}", all.join(", "));
        (format!("there is no section {section:?}"), near.unwrap_or_else(sections))
    })?;
    let section = match (keys.name.as_str(), between) {
        (Section::APP, []) => {
            return Err(("it names no app".to_owned(), format!("expected {PREFIX}app__NAME__key")));
        }
        (Section::APP, app) => {
            let app = app.join(SEPARATOR).parse().map_err(|error| {
                (format!("it names no app: {error}"), format!("expected {PREFIX}app__NAME__key"))
            })?;
            Section::App(app)
        }
        (_, []) => Section::Named(&keys.name),
        _ => return Err(nothing_named()),
    };
    let found = keys.key(key).map_err(|unknown| {
        let expected = match unknown {
            UnknownKey::Near(near) => format!("did you mean {}?", variable(keys, between, near)),
            UnknownKey::Elsewhere(sections) => format!("it is a key of {}", sections.join(" and ")),
            UnknownKey::Nowhere => format!("its keys are {}", keys.names()),
        };
        (format!("{section} has no key {key:?}"), expected)
    })?;
    Ok((section, found))
}

/// How a variable is written.
fn variable(section: &SectionKeys, between: &[&str], key: &str) -> String {
    let parts = [&[section.name.as_str()][..], between, &[key]].concat();
    format!("{PREFIX}{}", parts.join(SEPARATOR))
}

fn value_of(key: &Key, text: &str) -> Value {
    let value = text.parse::<Value>();
    if !key.is_list() {
        return value.unwrap_or_else(|_| Value::String(text.to_owned()));
    }
    let list = value.ok().filter(Value::is_array).or_else(|| format!("[{text}]").parse().ok());
    let unquoted = |element: &str| element.trim().trim_matches(['"', '\'']).to_owned();
    list.unwrap_or_else(|| text.split(',').map(unquoted).collect::<Vec<_>>().into())
}

/// What the names of all variables begin with.
pub(crate) const PREFIX: &str = "SOL__";
const SEPARATOR: &str = "__";
