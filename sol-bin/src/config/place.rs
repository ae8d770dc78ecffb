//! Place: where somebody wrote something.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::file::Source;

/// Where somebody wrote something.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File {
        source: Arc<Source>,
        /// In bytes.
        span: Range<usize>,
    },
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { source, span } => {
                write!(f, "{}:{}", source.path().display(), source.line_of(span.start))
            }
            Place::Variable(name) => f.write_str(name),
            Place::Flag(name) => f.write_str(name),
        }
    }
}
