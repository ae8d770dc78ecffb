//! Keys: every key that can be set, as the schema of the settings describes it.
//!
//! Whoever reads a layer asks here whether a key exists and takes a value; whoever writes documentation, what it means.
//! Nothing is known here that does not stand in the settings' own types.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::nearest::nearest;
use super::path::{Path, Section};
use super::quoted::quoted;
use super::settings::Settings;

/// A section, or what all apps' sections have in common.
#[derive(Clone, Debug)]
pub(crate) struct SectionKeys {
    /// `server`; `app` for those of all apps.
    pub(crate) name: String,
    /// `[server]`, `[app."NAME"]`.
    pub(crate) headline: String,
    /// Whole sentences, in one line.
    pub(crate) about: String,
    pub(crate) keys: Vec<Key>,
}

/// A key of a section.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Whole sentences, in one line.
    pub(crate) about: String,
    /// The words that it can be set to, where there are few, and what they mean.
    pub(crate) choices: Vec<(String, String)>,
    /// What it takes, in words: `a duration from 0s to 1h`.
    pub(crate) takes: String,
    pub(crate) default: Value,
    /// The types of value that it takes, as JSON names them.
    types: Vec<String>,
    /// What one element of a list is.
    element: Option<Element>,
}

/// What a list is made of.
#[derive(Clone, Debug)]
struct Element {
    takes: String,
    types: Vec<String>,
    /// How many there must be.
    least: u64,
}

/// A key that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnknownKey {
    /// This one was probably meant.
    Near(&'static str),
    /// It is a key of other sections: their headlines.
    Elsewhere(Vec<&'static str>),
    /// There is nothing like it.
    Nowhere,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongValue {
    pub(crate) what: String,
    pub(crate) expected: String,
    /// Which element of a list it is.
    pub(crate) element: Option<usize>,
}

/// Every section, in the order of the settings.
pub(crate) fn sections() -> &'static [SectionKeys] {
    static SECTIONS: LazyLock<Vec<SectionKeys>> = LazyLock::new(read_sections);
    &SECTIONS
}

/// # Errors
/// There is none; the nearest, if one is near.
pub(crate) fn section(name: &str) -> Result<&'static SectionKeys, Option<&'static SectionKeys>> {
    let find = |name: &str| sections().iter().find(|section| section.name == name);
    find(name).ok_or_else(|| nearest(name, sections().iter().map(|section| &*section.name)).and_then(find))
}

/// The headlines of the sections that have a key of that name.
pub(crate) fn headlines_with(key: &str) -> Vec<&'static str> {
    let having = sections().iter().filter(|section| section.keys.iter().any(|known| known.name == key));
    having.map(|section| &*section.headline).collect()
}

impl SectionKeys {
    /// # Errors
    /// There is none; what may have been meant.
    pub(crate) fn key(&'static self, name: &str) -> Result<&'static Key, UnknownKey> {
        self.keys.iter().find(|key| key.name == name).ok_or_else(|| {
            let elsewhere = headlines_with(name);
            if !elsewhere.is_empty() {
                return UnknownKey::Elsewhere(elsewhere);
            }
            nearest(name, self.keys.iter().map(|key| &*key.name))
                .map_or(UnknownKey::Nowhere, UnknownKey::Near)
        })
    }

    /// The names of all its keys, for whoever is lost.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.keys.iter().map(|key| &*key.name).collect();
        names.join(", ")
    }
}

impl Key {
    /// Whether the key, in that section, takes a value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&'static self, section: &Section, value: &Value) -> Result<(), WrongValue> {
        let wrong = |what: String| WrongValue { what, expected: self.expected(), element: None };
        if !self.types.iter().any(|takes| takes == json_type(value)) {
            return Err(wrong(match value {
                Value::Integer(_)
                    if self.types.iter().any(|takes| takes == "string") && self.choices.is_empty() =>
                {
                    format!("{value} has no unit")
                }
                value => described(value),
            }));
        }
        if let Some(word) = value.as_str()
            && !self.choices.is_empty()
            && !self.choices.iter().any(|(choice, _)| choice == word)
        {
            let near = nearest(word, self.choices.iter().map(|(choice, _)| &**choice));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            let expected = self.expected() + &near;
            return Err(WrongValue { expected, ..wrong(format!("{word:?} is unknown")) });
        }
        let (Some(values), Some(element)) = (value.as_array(), &self.element) else {
            return tried_alone(section, &self.name, value.clone()).map_err(wrong);
        };
        if (values.len() as u64) < element.least {
            return Err(wrong("the list is empty".to_owned()));
        }
        for (index, value) in values.iter().enumerate() {
            let is_taken = if element.types.iter().any(|takes| takes == json_type(value)) {
                tried_alone(section, &self.name, Value::Array(vec![value.clone()]))
            } else {
                Err(described(value))
            };
            let expected = || format!("expected {}", element.takes);
            is_taken.map_err(|what| WrongValue { what, expected: expected(), element: Some(index) })?;
        }
        Ok(())
    }

    /// What it takes and, where that alone does not show how it is written, an example.
    pub(crate) fn expected(&self) -> String {
        let example = self.default.to_string();
        if self.takes.contains(&example) {
            return format!("expected {}", self.takes);
        }
        format!("expected {}, such as {example}", self.takes)
    }

    /// Whether it takes a list.
    pub(crate) fn is_list(&self) -> bool {
        self.element.is_some()
    }
}

/// Where the schema of a type says what it takes, in words.
pub(crate) const TAKES: &str = "x-takes";

/// The schema of the settings, in which [`TAKES`] still stands apart.
pub(crate) fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Settings>()
}

/// Whether the settings take one value of one key, all others being the default.
fn tried_alone(section: &Section, key: &str, value: Value) -> Result<(), String> {
    let path = Path { section: section.clone(), key: key.to_owned() };
    let mut table = Table::new();
    path.put(value, &mut table);
    table.try_into::<Settings>().map(drop).map_err(|error| error.message().to_owned())
}

fn read_sections() -> Vec<SectionKeys> {
    let defaults = Table::try_from(Settings::default()).expect("the settings are a table");
    let schema = schema();
    let sections = schema.get("properties").and_then(Json::as_object).expect("the settings are an object");
    let read = |(name, schema): (&String, &Json)| {
        let of_each = schema.get("additionalProperties").filter(|of_each| of_each.is_object());
        let keys = of_each.unwrap_or(schema).get("properties").and_then(Json::as_object);
        let defaults = defaults[if of_each.is_some() { "defaults" } else { name }].as_table();
        let (keys, defaults) = (keys.expect("a section has keys"), defaults.expect("a section is a table"));
        SectionKeys {
            name: name.clone(),
            headline: if of_each.is_some() { format!("[{name}.\"NAME\"]") } else { format!("[{name}]") },
            about: about(schema),
            keys: keys.iter().map(|(name, schema)| read_key(name, schema, &defaults[name])).collect(),
        }
    };
    sections.iter().map(read).collect()
}

fn read_key(name: &str, schema: &Json, default: &Value) -> Key {
    let choices: Vec<(String, String)> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|choice| Some((choice["const"].as_str()?.to_owned(), about(choice))))
        .collect();
    let types = types(schema);
    let takes = match schema[TAKES].as_str() {
        Some(takes) => takes.to_owned(),
        None if types == ["boolean"] => "true or false".to_owned(),
        None => {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            assert!(!words.is_empty(), "the schema does not say what {name} takes");
            let (last, before) = words.split_last().expect("there are some");
            format!("{} or {last}", before.join(", "))
        }
    };
    let element = schema.get("items").map(|element| Element {
        takes: element[TAKES].as_str().expect("the schema says what an element is").to_owned(),
        types: self::types(element),
        least: schema["minItems"].as_u64().unwrap_or_default(),
    });
    Key {
        name: name.to_owned(),
        about: about(schema),
        choices,
        takes,
        default: default.clone(),
        types,
        element,
    }
}

/// The types that a schema allows.
fn types(schema: &Json) -> Vec<String> {
    let alternatives = ["anyOf", "oneOf"].iter().filter_map(|of| schema[of].as_array()).flatten();
    let listed = schema["type"].as_array().into_iter().flatten().chain([&schema["type"]]);
    let mut all: Vec<String> = listed.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    all.extend(alternatives.flat_map(types));
    all.dedup();
    all
}

/// The comment in the source, without its line breaks.
fn about(schema: &Json) -> String {
    let lines = schema["description"].as_str().unwrap_or_default().lines();
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Integer(_) => "integer",
        Value::Float(_) => "number",
        Value::Boolean(_) => "boolean",
        Value::Datetime(_) => "date-time",
        Value::Array(_) => "array",
        Value::Table(_) => "object",
    }
}

/// What a value is, for whoever expected something else.
fn described(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{} is a string", quoted(text)),
        Value::Integer(_) => format!("{value} is a number"),
        Value::Float(number) if !number.is_finite() => format!("{value} is no finite number"),
        Value::Float(_) => format!("{value} is a number with a fraction"),
        Value::Boolean(_) => format!("{value} is a boolean"),
        Value::Datetime(_) => format!("{value} is a date or time"),
        Value::Array(_) => "this is a list".to_owned(),
        Value::Table(_) => "this is a section".to_owned(),
    }
}
