//! Mistake: what is wrong in a configuration, said so that whoever is woken by it knows what to do.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::place::Place;

/// One mistake.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// What is wrong.
    what: String,
    /// Where, if it is anywhere in particular.
    place: Option<Place>,
    /// What belongs there.
    expected: String,
    /// Another place in the same file that it has to do with, and what stands there.
    other: Option<(Range<usize>, String)>,
    help: Option<String>,
}

/// As many as can be told at once. Mending them may bring others to light.
#[derive(Clone, Debug)]
pub struct Mistakes(pub(crate) Vec<Mistake>);

impl Mistake {
    /// Something that stands where something else belongs.
    pub(crate) fn at(place: Place, what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { what: what.into(), place: Some(place), expected: expected.into(), other: None, help: None }
    }

    /// A file that cannot be read at all.
    pub(crate) fn unreadable(path: &Path, why: impl fmt::Display) -> Self {
        let what = format!("cannot read {}: {why}", path.display());
        Self { what, place: None, expected: String::new(), other: None, help: None }
    }

    /// The same with what else may help.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same with another place in the same file.
    pub(crate) fn with_other(self, span: Range<usize>, what: impl Into<String>) -> Self {
        Self { other: Some((span, what.into())), ..self }
    }

    /// What is wrong, in a sentence.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What belongs there; nothing, of a file that cannot be read at all.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Where it is, as a log would say it; `None` of a file that cannot be read at all.
    pub fn place(&self) -> Option<String> {
        self.place.as_ref().map(ToString::to_string)
    }

    /// The bytes of the file that are marked.
    pub fn spans(&self) -> Vec<Range<usize>> {
        let place = self.place.iter().filter_map(|place| match place {
            Place::File { source: _, span } => Some(span),
            Place::Variable(_) | Place::Flag(_) => None,
        });
        place.chain(self.other.iter().map(|(span, _)| span)).cloned().collect()
    }

    /// The message, in several lines and without a line feed behind the last.
    pub(crate) fn render(&self, renderer: &Renderer) -> String {
        let mut help: Vec<&str> = self.help.iter().map(String::as_str).collect();
        let group = match &self.place {
            Some(Place::File { source, span }) => {
                let path = source.path().to_string_lossy();
                let primary = AnnotationKind::Primary.span(span.clone()).label(&self.expected);
                let mut snippet = Snippet::source(source.text()).path(path).annotation(primary);
                if let Some((span, what)) = &self.other {
                    snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(what));
                }
                Group::with_title(Level::ERROR.primary_title(&self.what)).element(snippet)
            }
            Some(place @ (Place::Variable(_) | Place::Flag(_))) => {
                help.insert(0, &self.expected);
                Group::with_title(Level::ERROR.primary_title(format!("{place}: {}", self.what)))
            }
            None => Group::with_title(Level::ERROR.primary_title(&self.what)),
        };
        let help = help.into_iter().map(|help| Level::HELP.message(help));
        renderer.render(&[group.elements(help)])
    }
}

impl Mistakes {
    /// Each of them; at least one.
    pub fn each(&self) -> &[Mistake] {
        &self.0
    }

    /// All messages, in colour or not.
    pub(crate) fn rendered(&self, in_colour: bool) -> String {
        let renderer = if in_colour { Renderer::styled() } else { Renderer::plain() };
        let messages: Vec<String> = self.0.iter().map(|mistake| mistake.render(&renderer)).collect();
        messages.join("\n\n")
    }

    /// What follows from them, in a line.
    pub(crate) fn sum(&self) -> String {
        match self.0.len() {
            1 => "the configuration has a mistake".to_owned(),
            count => format!("the configuration has {count} mistakes"),
        }
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(false))
    }
}

impl std::error::Error for Mistakes {}
