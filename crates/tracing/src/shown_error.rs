//! An error as it may be shown: texts alone, of the error and of its sources.

use std::error::Error;
use std::fmt;

/// How many sources of an error are shown; a chain that leads back to itself would have no end.
const SOURCES_MAX: usize = 16;

pub(crate) struct ShownError {
    text: String,
    source: Option<Box<ShownError>>,
}

impl ShownError {
    /// The chain of `error`, each text made by `show`.
    pub(crate) fn of(
        error: &(dyn Error + 'static),
        mut show: impl FnMut(&dyn fmt::Display) -> String,
    ) -> Self {
        let mut texts = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            texts.push(show(&error));
            next = error.source().filter(|_| texts.len() <= SOURCES_MAX);
        }
        let mut chain = None;
        while let Some(text) = texts.pop() {
            let source = chain.take().map(Box::new);
            chain = Some(Self { text, source });
        }
        chain.unwrap_or_else(|| Self {
            text: String::new(),
            source: None,
        })
    }
}

impl fmt::Display for ShownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ShownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ShownError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
