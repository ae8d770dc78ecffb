//! File: one TOML file, read so that the mistakes in it can be told with their places.
//!
//! The text is parsed by itself before anything is merged: each key and each value still knows where it stands. Each value
//! is then tried alone, so that a mistake in one hides none in another. Of a text that is not TOML only that is told.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use toml::Value;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::keys::{self, SectionKeys, UnknownKey};
use super::layer::{Layer, Leaf, Origin};
use super::mistake::{Mistake, Mistakes};
use super::path::{Path, Section};
use super::pattern::AppPattern;
use super::place::Place;
use super::quoted::quoted;

/// A file's text, and where it lies.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// It is there, and no text.
    pub(crate) fn read(path: &FilePath) -> Result<Option<Arc<Self>>, Mistakes> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let mistake = match error.kind() {
                    io::ErrorKind::NotFound if fs::symlink_metadata(path).is_ok() => {
                        Mistake::unreadable(path, "it is a link to nothing")
                    }
                    io::ErrorKind::NotFound => return Ok(None),
                    io::ErrorKind::IsADirectory => {
                        Mistake::unreadable(path, "it is a directory").with_help("name a file in it")
                    }
                    io::ErrorKind::PermissionDenied => Mistake::unreadable(path, &error)
                        .with_help("see that its owner and mode let sol read it"),
                    _ => Mistake::unreadable(path, &error),
                };
                return Err(mistake.into());
            }
        };
        Self::of(path, bytes).map(Some)
    }

    /// What was read from a file.
    pub(super) fn of(path: &FilePath, mut bytes: Vec<u8>) -> Result<Arc<Self>, Mistakes> {
        // Nobody sees it in an editor, so no column counts it.
        if bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(Self { path: path.to_owned(), text })),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let (before, rest) = error.as_bytes().split_at(valid);
                let before = String::from_utf8_lossy(before);
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let line = before.matches('\n').count() + 1;
                let why =
                    format!("line {line}, column {column} has a byte that is not UTF-8, {:#04x}", rest[0]);
                Err(Mistake::unreadable(path, why).with_help("save it as UTF-8 with a text editor").into())
            }
        }
    }

    /// Where it lies, as it was named.
    pub(crate) fn path(&self) -> &FilePath {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    /// What it sets, and what is wrong with it.
    pub(crate) fn layer(self: &Arc<Self>) -> (Layer, Vec<Mistake>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        let mut reading =
            Reading { source: self, leaves: Vec::new(), mistakes: Vec::new(), apps: BTreeMap::new() };
        if errors.is_empty() {
            reading.read_settings(table.get_ref());
        }
        for error in errors {
            reading.complain_of_syntax(&error, table.get_ref());
        }
        let apps = reading.apps.into_keys().collect();
        (Layer { leaves: reading.leaves, apps }, reading.mistakes)
    }
}

/// What has been read so far.
struct Reading<'a> {
    source: &'a Arc<Source>,
    leaves: Vec<Leaf>,
    mistakes: Vec<Mistake>,
    /// Where the name of each app's section stands.
    apps: BTreeMap<AppPattern, Range<usize>>,
}

type Name<'a> = Spanned<DeString<'a>>;

impl Reading<'_> {
    fn read_settings(&mut self, settings: &DeTable<'_>) {
        for (name, content) in settings {
            let table = content.get_ref().as_table();
            match (keys::section(name.get_ref()), table) {
                (Ok(section), Some(apps)) if section.name == Section::APP => self.read_apps(section, apps),
                (Ok(section), Some(table)) => {
                    self.read_section(section, Section::Named(&section.name), table);
                }
                (Ok(section), None) if self.is_list_of_sections(content) => {
                    let expected = format!("expected single brackets: {}", section.headline);
                    self.complain(name.span(), format!("[[{}]] is a list", section.name), expected);
                }
                (Ok(section), None) => {
                    let what = format!("{} is a section", section.name);
                    self.complain(name.span(), what, format!("expected {}", section.headline));
                }
                (Err(near), _) => self.complain_of_section(name, near, table.is_some()),
            }
        }
    }

    fn read_apps(&mut self, section: &'static SectionKeys, apps: &DeTable<'_>) {
        for (name, content) in apps {
            if self.is_list_of_sections(content) {
                let header = format!("[app.{}]", quoted(name.get_ref()));
                let expected = format!("expected single brackets: {header}");
                self.complain(name.span(), format!("[{header}] is a list"), expected);
                continue;
            }
            let Some(table) = content.get_ref().as_table() else {
                let what = "[app] names no app";
                let expected = match section.key(name.get_ref()) {
                    Ok(_) => "expected above it [app.\"NAME\"], or [defaults] for all apps",
                    Err(_) => "expected nothing but sections [app.\"NAME\"]",
                };
                self.complain(name.span(), what, expected);
                continue;
            };
            match name.get_ref().parse::<AppPattern>() {
                Ok(app) => {
                    if let Some(first) = self.apps.insert(app.clone(), name.span()) {
                        let what = format!("{} is there already", Section::App(app));
                        let mistake = Mistake::at(self.place(name.span()), what, "this means the same app");
                        self.mistakes.push(mistake.with_other(first, "as this"));
                        continue;
                    }
                    self.read_section(section, Section::App(app), table);
                }
                Err(error) => {
                    let what = format!("{} names no app: {error}", quoted(name.get_ref()));
                    self.complain(
                        name.span(),
                        what,
                        "expected an app, such as \"live\" or \"event/*\"; for all apps there is [defaults]",
                    );
                }
            }
        }
    }

    fn read_section(&mut self, keys: &'static SectionKeys, section: Section, table: &DeTable<'_>) {
        for (name, content) in table {
            let key = match keys.key(name.get_ref()) {
                Ok(key) => key,
                Err(unknown) => {
                    self.complain_of_key(name, content, unknown, keys, &section);
                    continue;
                }
            };
            let path = Path { section: section.clone(), key: key.name.clone() };
            // Numbers of more than 64 bits are all that cannot be had.
            let Ok(value) = Value::deserialize(ValueDeserializer::from(content.clone())) else {
                self.complain(content.span(), format!("{path}: the number is too large"), key.expected());
                continue;
            };
            match key.check(&section, &value) {
                Ok(()) => {
                    let origin = Origin::Set(self.place(name.span()));
                    self.leaves.push(Leaf { path, value, origin });
                }
                Err(wrong) => {
                    let element = wrong.element.and_then(|index| content.get_ref().as_array()?.get(index));
                    let span = element.unwrap_or(content).span();
                    self.complain(span, format!("{path}: {}", wrong.what), wrong.expected);
                }
            }
        }
    }

    /// Whether a header in double brackets, as that of `[[server]]`, made it a list.
    fn is_list_of_sections(&self, content: &Spanned<DeValue<'_>>) -> bool {
        let elements = content.get_ref().as_array();
        let are_tables = elements.is_some_and(|all| all.iter().all(|element| element.get_ref().is_table()));
        are_tables && self.source.text()[content.span()].starts_with("[[")
    }

    fn complain_of_syntax(&mut self, error: &toml::de::Error, recovered: &DeTable<'_>) {
        let text = self.source.text();
        let span = error.span().unwrap_or(text.len()..text.len());
        let written = &text[span.clone()];
        match error.message() {
            "duplicate key" => {
                let (what, earlier) = match header_with(text, &span) {
                    Some(header) => (&text[header.clone()], place_of_section(text, header)),
                    None => (written, last_before(span.start, written, recovered)),
                };
                let mistake = Mistake::at(self.place(span), format!("{what} is there already"), "again");
                self.mistakes.push(match earlier {
                    Some(earlier) => mistake.with_other(earlier, "before"),
                    None => mistake,
                });
            }
            message if message.starts_with("string values must be quoted") => {
                self.complain(
                    span,
                    "this is not TOML: a text without quotes",
                    format!("expected {}", quoted(written)),
                );
            }
            message => {
                let (what, expected) = message.split_once(", ").unwrap_or((message, "here"));
                self.complain(span, format!("this is not TOML: {what}"), expected);
            }
        }
    }

    fn complain_of_section(&mut self, name: &Name<'_>, near: Option<&SectionKeys>, is_section: bool) {
        let key = name.get_ref();
        let elsewhere = keys::headlines_with(key);
        if !is_section && !elsewhere.is_empty() {
            let expected = format!("expected above it {}", elsewhere.join(" or "));
            return self.complain(name.span(), format!("{key} stands in no section"), expected);
        }
        let what = format!("there is no section [{}]", key.escape_debug());
        let all: Vec<&str> = keys::sections().iter().map(|section| &*section.headline).collect();
        let expected = match near {
            Some(near) => format!("did you mean {}?", near.headline),
            None => "unknown".to_owned(),
        };
        let mistake = Mistake::at(self.place(name.span()), what, expected);
        self.mistakes.push(mistake.with_help(format!("sections are {}", all.join(", "))));
    }

    fn complain_of_key(
        &mut self,
        name: &Name<'_>,
        content: &Spanned<DeValue<'_>>,
        unknown: UnknownKey,
        keys: &SectionKeys,
        section: &Section,
    ) {
        let what = format!("{section} has no key {}", quoted(name.get_ref()));
        if let Section::App(app) = section
            && content.get_ref().is_table()
        {
            let meant = quoted(&format!("{app}/{}", name.get_ref()));
            return self.complain(name.span(), what, format!("did you mean [app.{meant}]?"));
        }
        let expected = match &unknown {
            UnknownKey::Near(near) => format!("did you mean {near}?"),
            UnknownKey::Elsewhere(sections) => format!("it is a key of {}", sections.join(" and ")),
            UnknownKey::Nowhere => "unknown".to_owned(),
        };
        let mut mistake = Mistake::at(self.place(name.span()), what, expected);
        if unknown == UnknownKey::Nowhere {
            mistake = mistake.with_help(format!("its keys are {}", keys.names()));
        }
        self.mistakes.push(mistake);
    }

    fn complain(&mut self, span: Range<usize>, what: impl Into<String>, expected: impl Into<String>) {
        self.mistakes.push(Mistake::at(self.place(span), what, expected));
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::File { source: Arc::clone(self.source), span }
    }
}

/// The header of a section that a name stands in: from the first bracket to the last.
fn header_with(text: &str, name: &Range<usize>) -> Option<Range<usize>> {
    let line = text[..name.start].rfind('\n').map_or(0, |at| at + 1);
    let start = line + text[line..name.start].find(|c: char| !c.is_whitespace())?;
    let behind = &text[name.end..];
    let closing = behind.find(']')?;
    let brackets = behind[closing..].bytes().take_while(|byte| *byte == b']').count();
    let header = start..name.end + closing + brackets;
    // A key in an inline table may follow a bracket too.
    let is_header = text[start..].starts_with('[') && DeTable::parse(&text[header.clone()]).is_ok();
    is_header.then_some(header)
}

/// Where the name of a section stands before its header, whether in a header too or in keys with dots.
fn place_of_section(text: &str, header: Range<usize>) -> Option<Range<usize>> {
    let (before, _) = DeTable::parse_recoverable(&text[..header.start]);
    let mut before = before.get_ref();
    // A header alone is a file with nothing but that section.
    let header = DeTable::parse(&text[header]).ok()?;
    let mut header = header.get_ref();
    loop {
        let (name, content) = header.iter().next()?;
        let (there, content_there) = before.get_key_value(name.get_ref().as_ref())?;
        match content.get_ref().as_table().filter(|inner| !inner.is_empty()) {
            Some(inner) => (header, before) = (inner, content_there.get_ref().as_table()?),
            None => return Some(there.span()),
        }
    }
}

/// Where a key of that name stands last before a place, in any section.
fn last_before(offset: usize, written: &str, table: &DeTable<'_>) -> Option<Range<usize>> {
    let name = written.trim_matches(['"', '\'']);
    let here = table.iter().map(|(key, _)| key).filter(|key| key.get_ref() == name).map(Spanned::span);
    let inside = table.iter().filter_map(|(_, value)| value.get_ref().as_table());
    let inside = inside.filter_map(|table| last_before(offset, written, table));
    here.chain(inside).filter(|span| span.start < offset).max_by_key(|span| span.start)
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
