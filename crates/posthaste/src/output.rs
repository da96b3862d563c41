//! What commands print: results on stdout in the form that was asked for, everything said to a
//! person on stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Cell, Color, Table};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; the default on a terminal
    Table,
    /// One document
    Json,
    /// One object a line; the default in a pipe
    Jsonl,
    /// Only the ids, one a line
    Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// A column of a table, or a line of a sheet: its title, and where its value stands.
pub type Column = (&'static str, &'static str);

/// A column whose width is known before its rows are: at least so many characters.
pub type WideColumn = (&'static str, &'static str, usize);

#[derive(Debug, Clone)]
pub struct Output {
    pub format: Format,
    pub quiet: bool,
    color: bool,
}

/// How a word is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Waiting,
    Faint,
    Strong,
}

impl Output {
    pub fn new(format: Option<Format>, quiet: bool, color: ColorChoice, no_color: bool) -> Output {
        let terminal = io::stdout().is_terminal();
        let default = if terminal { Format::Table } else { Format::Jsonl };
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !no_color,
        };
        Output { format: format.unwrap_or(default), quiet, color }
    }

    pub fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// A progress bar would be seen, and is wanted.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Several things of one kind.
    pub fn list(&self, items: &[Value], columns: &[Column]) {
        match self.format {
            Format::Table => {
                if items.is_empty() {
                    self.say("nothing found");
                    return;
                }
                let mut table = self.new_table();
                table.set_header(columns.iter().map(|(title, _)| *title));
                for item in items {
                    table.add_row(columns.iter().map(|(_, at)| self.cell(item, at)));
                }
                line(&table.trim_fmt());
            }
            Format::Json => line(&pretty(&Value::Array(items.to_vec()))),
            Format::Jsonl => items.iter().for_each(|item| line(&item.to_string())),
            Format::Id => items.iter().for_each(|item| line(&id_of(item))),
        }
    }

    /// One thing: its fields below each other.
    pub fn one(&self, item: &Value, fields: &[Column]) {
        match self.format {
            Format::Table => {
                let width = fields.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
                for (title, at) in fields {
                    let text = text_at(item, at);
                    if !text.is_empty() {
                        let title = self.paint(Tone::Faint, &format!("{title:width$}"));
                        line(&format!("{title}  {}", self.tinted(at, &text)));
                    }
                }
            }
            Format::Json => line(&pretty(item)),
            Format::Jsonl => line(&item.to_string()),
            Format::Id => line(&id_of(item)),
        }
    }

    /// Above rows that come one by one.
    pub fn row_titles(&self, columns: &[WideColumn]) -> io::Result<()> {
        if self.format != Format::Table {
            return Ok(());
        }
        let titles = columns.iter().map(|(title, _, width)| format!("{title:<width$}"));
        try_line(self.paint(Tone::Faint, titles.collect::<Vec<_>>().join("  ").trim_end()))
    }

    /// One of several things of one kind that come one by one, without end: each is a line of its
    /// own, in JSON too. An error means that nobody reads any more.
    pub fn row(&self, item: &Value, columns: &[WideColumn]) -> io::Result<()> {
        let text = match self.format {
            Format::Table => {
                let cells = columns.iter().map(|(_, at, width)| {
                    let text = text_at(item, at);
                    let text = if at.ends_with("at") { to_the_second(&text) } else { text };
                    let padding = " ".repeat(width.saturating_sub(text.chars().count()));
                    self.tinted(at, &text) + &padding
                });
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            }
            Format::Json | Format::Jsonl => item.to_string(),
            Format::Id => id_of(item),
        };
        try_line(text)
    }

    /// A table that is no list of the API's objects. Only for people.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<String>>) {
        let mut table = self.new_table();
        table.set_header(header.iter().copied());
        table.add_rows(rows);
        line(&table.trim_fmt());
    }

    /// A word to the person at the terminal.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            error_line(text);
        }
    }

    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Waiting => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The colour of a delivery's or a webhook's status.
    pub fn status(&self, status: &str) -> String {
        match tone_of(status) {
            Some(tone) => self.paint(tone, status),
            None => status.to_owned(),
        }
    }

    /// The table colours its cells itself: it has to know how wide they are without the codes.
    fn cell(&self, item: &Value, at: &str) -> Cell {
        let text = text_at(item, at);
        if at.ends_with("at") {
            return Cell::new(to_the_second(&text));
        }
        let color = match tone_of(&text) {
            Some(Tone::Good) => Color::DarkGreen,
            Some(Tone::Bad) => Color::DarkRed,
            Some(Tone::Waiting) => Color::DarkYellow,
            _ => return Cell::new(text),
        };
        let cell = Cell::new(text);
        if self.color && says_how_it_is(at) { cell.fg(color) } else { cell }
    }

    fn tinted(&self, at: &str, text: &str) -> String {
        if says_how_it_is(at) { self.status(text) } else { text.to_owned() }
    }

    /// Columns parted by space alone, and a row is one line however narrow the terminal: ids and
    /// URLs survive being copied, where frames and cells of several lines do not.
    fn new_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if self.color {
            table.enforce_styling();
        }
        table
    }
}

/// `2025-01-15 14:30:25Z`: what a row of a list has room for. Other texts are left as they are.
fn to_the_second(timestamp: &str) -> String {
    match (timestamp.get(..10), timestamp.get(11..19), timestamp.len()) {
        (Some(day), Some(time), 24) if timestamp.ends_with('Z') => format!("{day} {time}Z"),
        _ => timestamp.to_owned(),
    }
}

fn says_how_it_is(at: &str) -> bool {
    at.ends_with("status") || at.ends_with("outcome")
}

fn tone_of(status: &str) -> Option<Tone> {
    Some(match status {
        "delivered" | "succeeded" | "enabled" | "verified" | "ok" => Tone::Good,
        "failed" | "rejected" | "timed_out" | "unreachable" | "blocked" | "disabled" => Tone::Bad,
        "pending" | "delivering" | "retrying" | "deferred" | "paused" | "warn" => Tone::Waiting,
        "cancelled" => Tone::Faint,
        _ => return None,
    })
}

/// The value at a JSON pointer as a person reads it; empty if there is none.
pub fn text_at(item: &Value, pointer: &str) -> String {
    item.pointer(pointer).map(text_of).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name}: {}", text_of(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

fn id_of(item: &Value) -> String {
    ["/id", "/name"]
        .into_iter()
        .map(|at| text_at(item, at))
        .find(|id| !id.is_empty())
        .unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can be written")
}

/// To stdout. A reader that has left (`| head`) is no failure of ours.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// To stdout. An error means that nobody reads any more.
pub fn try_line(mut text: String) -> io::Result<()> {
    text.push('\n');
    // At once: whoever reads a pipe wants it now, and stdout waits for the end of a line only.
    io::stdout().lock().write_all(text.as_bytes())
}

/// To stderr.
pub fn error_line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_a_person_reads_them() {
        let check = |value: Value, expected: &str| assert_eq!(text_of(&value), expected);
        check(json!(null), "");
        check(json!("call.ended"), "call.ended");
        check(json!(["call.ended", "sms.*"]), "call.ended, sms.*");
        check(json!({"count": 5, "per_s": 1}), "count: 5, per_s: 1");
        check(json!(3), "3");
    }

    #[test]
    fn lists_show_times_to_the_second() {
        let check = |text: &str, expected: &str| assert_eq!(to_the_second(text), expected);
        check("2025-01-15T14:30:25.123Z", "2025-01-15 14:30:25Z");
        check("", "");
        check("tomorrow", "tomorrow");
    }

    #[test]
    fn colour_is_only_there_when_it_is_wanted() {
        let plain = Output::new(Some(Format::Table), false, ColorChoice::Never, false);
        assert_eq!(plain.status("failed"), "failed");
        let coloured = Output::new(Some(Format::Table), false, ColorChoice::Always, true);
        assert_eq!(coloured.status("failed"), "\x1b[31mfailed\x1b[0m");
        assert_eq!(coloured.status("unknown"), "unknown");
    }
}
