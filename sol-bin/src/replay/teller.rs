//! Teller: writes down what is told, as lines for people or as objects for programs.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::capture::{Capture, FileError, PacketTally};
use serde_json::{Map, Value, json};

use super::date::Date;
use super::desk::Desk;
use super::note::{KEPT, Note, count_of, name_of, seconds_of};
use super::page::{lines_of, wrapped};
use super::totals::Totals;
use super::words_of;

#[derive(Debug)]
pub(super) struct Teller<W> {
    to: W,
    is_json: bool,
    file: String,
    has_begun: bool,
}

impl<W: Write> Teller<W> {
    pub(super) fn new(to: W, is_json: bool, file: &str) -> Teller<W> {
        Teller { to, is_json, file: file.to_owned(), has_begun: false }
    }

    /// One thing of a recording that began then.
    pub(super) fn tell(&mut self, note: &Note, began: Duration) -> io::Result<()> {
        self.begin(Some(began))?;
        // The rows of a table are in the fields of what is told before them.
        if self.is_json && note.event == "row" {
            return Ok(());
        }
        if self.is_json {
            let mut object = Map::new();
            object.insert("at".to_owned(), seconds_of(note.at.saturating_sub(began)).into());
            object.insert("connection".to_owned(), note.connection.into());
            object.insert("from".to_owned(), note.from.map(name_of).into());
            object.insert("event".to_owned(), note.event.into());
            object.extend(note.fields.clone());
            object.insert("words".to_owned(), note.words.replace(KEPT, " ").into());
            self.object(&Value::Object(object))
        } else {
            writeln!(self.to, "{}", lines_of(note, began))
        }
    }

    /// Keeps nothing back.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// The end of the recording, or where it is damaged.
    pub(super) fn end<R: Read>(
        &mut self,
        capture: &Capture<R>,
        desk: &Desk,
        damage: Option<&FileError>,
    ) -> io::Result<()> {
        self.begin(capture.began())?;
        if self.is_json {
            self.object(&end(capture, desk, damage))?;
            let connections: Vec<_> = desk.connections.iter().map(Totals::json).collect();
            self.object(&json!({ "summary": true, "connections": connections }))?;
        } else {
            self.end_page(capture, desk, damage)?;
        }
        self.to.flush()
    }

    /// Says what is told of; there is no time in a file without packets.
    fn begin(&mut self, began: Option<Duration>) -> io::Result<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        if self.is_json {
            let object = json!({
                "event": "recording",
                "file": self.file,
                "began": began.map(|began| format!("{}Z", Date(began).to_string().replace(' ', "T"))),
                "began_unix": began.map(seconds_of),
            });
            return self.object(&object);
        }
        let Some(began) = began else { return writeln!(self.to, "{}", self.file) };
        writeln!(self.to, "{}, recorded from {} UTC on", self.file, Date(began))?;
        writeln!(self.to, "   seconds  connection, → from the client, ← from the server")
    }

    fn end_page<R: Read>(
        &mut self,
        capture: &Capture<R>,
        desk: &Desk,
        damage: Option<&FileError>,
    ) -> io::Result<()> {
        writeln!(self.to)?;
        for totals in &desk.connections {
            let front = format!("{:<3} ", format!("#{}", totals.number));
            writeln!(self.to, "{}", wrapped(&front, &totals.words()))?;
        }
        if desk.not_kept > 0 {
            let count = count_of(desk.not_kept, "further connection", "further connections");
            writeln!(self.to, "and {count}")?;
        }
        let tally = capture.tally();
        if desk.connections.is_empty() {
            writeln!(self.to, "{}", wrapped("", &nothing(&tally, desk)))?;
        } else if desk.left_out.total() > 0 {
            let count = count_of(desk.left_out.total(), "other connection is", "other connections are");
            writeln!(self.to, "{}", wrapped("", &format!("{count} left out: {}", desk.left_out.words())))?;
        }
        for remark in remarks(&tally) {
            writeln!(self.to, "{}", wrapped("", &remark))?;
        }
        if let Some(extraction) = &desk.extraction {
            let count = count_of(extraction.count() as u64, "file was", "files were");
            writeln!(self.to, "{count} written")?;
        }
        if let Some(cut_off) = capture.cut_off() {
            let words = format!(
                "the file ends in the middle of what begins at byte {}: the program that wrote it was stopped, or still writes",
                cut_off.at
            );
            writeln!(self.to, "{}", wrapped("", &words))?;
        }
        if let Some(damage) = damage {
            writeln!(self.to, "{}", wrapped("", &format!("not read to the end: {}", words_of(damage))))?;
        }
        Ok(())
    }

    fn object(&mut self, object: &Value) -> io::Result<()> {
        writeln!(self.to, "{}", harmless(&object.to_string()))
    }
}

/// JSON without what would control a terminal that it is shown on: such characters are in strings only, and are escaped there.
fn harmless(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for char in json.chars() {
        let is_plain = (char.is_ascii() && char != '\u{7f}') || char.escape_debug().len() == 1;
        if is_plain {
            harmless.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                harmless.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    harmless
}

/// What there is to say of the file itself.
fn end<R: Read>(capture: &Capture<R>, desk: &Desk, damage: Option<&FileError>) -> Value {
    let tally = capture.tally();
    let left_out: Map<String, Value> =
        desk.left_out.iter().map(|(what, count)| (what.word().to_owned(), count.into())).collect();
    let links: Map<String, Value> =
        tally.unknown_links.iter().map(|(link, count)| (link.0.to_string(), (*count).into())).collect();
    json!({
        "event": "end",
        "connections_not_kept": desk.not_kept,
        "left_out": left_out,
        "packets": {
            "all": tally.packets,
            "tcp": tally.segments,
            "no_tcp": tally.no_tcp,
            "no_ip": tally.no_ip,
            "unreadable": tally.unreadable,
            "unknown_links": links,
            "cut": tally.cut,
            "fragments": tally.fragments,
            "not_joined": tally.not_joined,
        },
        "files": desk.extraction.as_ref().map(super::extraction::Extraction::count),
        "cut_off_at": capture.cut_off().map(|cut_off| cut_off.at),
        "damage": damage.map(words_of),
    })
}

/// That there is no RTMP, and what there is.
fn nothing(tally: &PacketTally, desk: &Desk) -> String {
    if tally.packets == 0 {
        return "There is no packet in it.".to_owned();
    }
    if tally.segments == 0 {
        let of = count_of(tally.packets, "packet", "packets");
        return format!("There is no TCP in it: {of}, {}.", other_packets(tally).join(", "));
    }
    let total = desk.left_out.total();
    if total == 0 {
        let count = count_of(tally.segments, "TCP segment", "TCP segments");
        return format!("There is no RTMP in it: {count}, which belong to no connection that says anything.");
    }
    let count = count_of(total, "TCP connection", "TCP connections");
    let mut words = format!("There is no RTMP in it. Of {count}: {}.", desk.left_out.words());
    if desk.left_out.iter().any(|(what, _)| what == super::desk::LeftOut::Tls) {
        words.push_str(" What is in TLS, RTMPS too, cannot be read in a recording.");
    }
    words
}

fn other_packets(tally: &PacketTally) -> Vec<String> {
    let mut words: Vec<String> = tally
        .unknown_links
        .iter()
        .map(|(link, count)| {
            format!("{} with {link}, which is not read", count_of(*count, "packet", "packets"))
        })
        .collect();
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            words.push(format!("{} {what}", count_of(count, "packet", "packets")));
        }
    };
    add(tally.no_ip, "without IP");
    add(tally.no_tcp, "without TCP");
    add(tally.unreadable, "whose headers cannot be read");
    words
}

/// What makes a recording less than it might be.
fn remarks(tally: &PacketTally) -> Vec<String> {
    let mut remarks = Vec::new();
    if tally.cut > 0 {
        remarks.push(format!(
            "{} captured in part only (tcpdump -s 0 takes all of each)",
            count_of(tally.cut, "packet was", "packets were")
        ));
    }
    if tally.not_joined > 0 {
        let count = count_of(tally.not_joined, "IP packet is", "IP packets are");
        remarks.push(format!("{count} left out, of which not all fragments are there"));
    }
    for (link, count) in &tally.unknown_links {
        let count = count_of(*count, "packet is", "packets are");
        remarks.push(format!("{count} left out: {link} is not read"));
    }
    if tally.unreadable > 0 {
        let count = count_of(tally.unreadable, "packet has", "packets have");
        remarks.push(format!("{count} headers that cannot be read"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_control_a_terminal_is_escaped_in_json_and_means_the_same() {
        let object = json!({ "text": "Ü, 1\u{a0}é \u{9b}2J\u{7f}\u{202e}\u{e0001}\n" });
        let text = harmless(&object.to_string());
        assert_eq!(text, r#"{"text":"Ü, 1\u00a0é \u009b2J\u007f\u202e\udb40\udc01\n"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
    }
}
