//! What can be wrong with something a caller gave us. Every parser in this crate answers with
//! an [`Invalid`]; only the API turns it into a status and a problem document.

use std::fmt;

/// One thing that is wrong, and where: `pointer` is an RFC 6901 JSON pointer into what was given
/// (`""` is the whole of it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub pointer: String,
    pub message: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> FieldError {
        FieldError { pointer: pointer.into(), message: message.into() }
    }

    /// The same complaint, about something that stands inside `parent`.
    pub fn under(mut self, parent: &str) -> FieldError {
        self.pointer.insert_str(0, parent);
        self
    }
}

/// A name as one step of a pointer: RFC 6901, section 3.
pub fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.pointer, self.message)
        }
    }
}

/// Everything that was wrong with one input; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Invalid {
    pub errors: Vec<FieldError>,
}

impl Invalid {
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Invalid {
        Invalid { errors: vec![FieldError::new(pointer, message)] }
    }

    /// The same complaints, about something that stands inside `parent`.
    pub fn under(self, parent: &str) -> Invalid {
        Invalid { errors: self.errors.into_iter().map(|error| error.under(parent)).collect() }
    }
}

impl From<FieldError> for Invalid {
    fn from(error: FieldError) -> Invalid {
        Invalid { errors: vec![error] }
    }
}

/// Gathers complaints while a whole input is looked at, so that its author sees all of them at
/// once instead of one per try.
#[derive(Debug, Default)]
pub struct Complaints(Vec<FieldError>);

impl Complaints {
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(pointer, message));
    }

    /// Takes the value of a good result; keeps the complaints of a bad one, moved under `pointer`.
    pub fn check<T>(&mut self, pointer: &str, result: Result<T, Invalid>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.0.extend(invalid.under(pointer).errors);
                None
            }
        }
    }

    pub fn finish(self) -> Result<(), Invalid> {
        if self.0.is_empty() { Ok(()) } else { Err(Invalid { errors: self.0 }) }
    }
}
