//! Schema: the JSON schema of the file, for editors that complete keys and underline mistakes.

use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value as Json;

use super::keys;

/// A line feed is behind it.
pub(super) fn schema() -> String {
    let mut schema = keys::schema();
    RecursiveTransform(tell_what_is_taken).transform(&mut schema);
    tell_what_a_section_of_an_app_is(&mut schema);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text + "\n"
}

/// What a key takes goes into its description, where editors show it, and the description into one line. That a section
/// is what its keys are by default is said once, at each of them.
fn tell_what_is_taken(schema: &mut Schema) {
    if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
        schema.remove("default");
    }
    if let Some(about) = schema.get("description").and_then(|about| about.as_str()) {
        let in_one_line = about.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        schema.insert("description".to_owned(), in_one_line.into());
    }
    let Some(takes) = schema.remove(keys::TAKES) else { return };
    let Some(takes) = takes.as_str() else { return };
    let about = schema.get("description").and_then(|about| about.as_str()).unwrap_or_default();
    let text = format!("{about} Takes {takes}.");
    schema.insert("description".to_owned(), text.trim().into());
}

/// What it leaves out comes from `[defaults]`, and not from the program.
fn tell_what_a_section_of_an_app_is(schema: &mut Schema) {
    let section = schema.pointer_mut("/properties/app/additionalProperties").and_then(Json::as_object_mut);
    let section = section.expect("the apps are a map of sections");
    section.insert("description".to_owned(), SECTION_OF_AN_APP.into());
    let keys = section["properties"].as_object_mut().expect("a section has keys");
    for key in keys.values_mut().filter_map(Json::as_object_mut) {
        key.remove("default");
    }
}

const SECTION_OF_AN_APP: &str =
    "What holds for the streams below this app. What is left out here comes from [defaults].";

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_in_docs_is_that_of_the_settings() {
        let in_docs = include_str!("../../../docs/sol.schema.json");
        assert!(
            in_docs == super::schema(),
            "docs/sol.schema.json is out of date; cargo run -- config schema > docs/sol.schema.json renews it"
        );
    }
}
