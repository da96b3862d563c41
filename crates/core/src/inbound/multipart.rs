//! The text fields of a `multipart/form-data` body (RFC 7578). Files in it are passed over.

use crate::error::Invalid;
use crate::limits::INBOUND_VALUES_MAX;

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: String,
    pub text: &'a [u8],
}

/// The `boundary` among the parameters of a content type. RFC 2046 allows it 70 characters.
pub fn boundary(parameters: &str) -> Option<&str> {
    let value = parameter(parameters, "boundary")?;
    (1..=70).contains(&value.len()).then_some(value)
}

/// The value of a parameter, without the quotes around it.
fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, behind) = rest.split_once('=')?;
        let (value, after) = match behind.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => {
                let (value, after) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim(), after)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The fields, in order.
pub fn fields<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Invalid> {
    let wrong = |why: &str| Invalid::at("", format!("the form cannot be read: {why}"));
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let start = find(body, first.as_bytes()).ok_or_else(|| wrong("its boundary is not in it"))?;
    let mut rest = &body[start + first.len()..];
    let mut parts = Vec::new();
    // Bounds the loop, files included; how many values there may be is counted elsewhere.
    for _ in 0..2 * INBOUND_VALUES_MAX {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        let head_from = find(rest, b"\r\n").ok_or_else(|| wrong("it ends too early"))? + 2;
        let part = &rest[head_from..];
        let end = find(part, between.as_bytes()).ok_or_else(|| wrong("it ends too early"))?;
        rest = &part[end + between.len()..];
        let part = &part[..end];
        let head_end = find(part, b"\r\n\r\n").ok_or_else(|| wrong("a field has no head"))?;
        if let Some(name) = name_of_text(&part[..head_end]) {
            parts.push(Part { name, text: &part[head_end + 4..] });
        }
    }
    Err(wrong("it has too many fields"))
}

/// The name of a field that is not a file.
fn name_of_text(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (_, parameters) = disposition.split_once(';')?;
    if parameter(parameters, "filename").is_some() || parameter(parameters, "filename*").is_some() {
        return None;
    }
    // As browsers write what would end the quotes or the line.
    let name = parameter(parameters, "name")?;
    Some(name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
