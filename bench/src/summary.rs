//! The table at the end: one figure a row, what is wanted of it, and whether that is met. A wish
//! that is not met is for people to judge, on their machines; it fails nothing.

use comfy_table::Table;
use serde::Serialize;

use crate::report::new_table;

/// One figure of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub figure: String,
    pub value: f64,
    pub unit: Unit,
    pub wish: Option<Wish>,
    pub is_met: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Count,
    PerSecond,
    Seconds,
    Milliseconds,
    Microseconds,
    /// Given in bytes, shown in millions of them.
    Megabytes,
    Bytes,
    /// Given as a share of one.
    Percent,
    /// How many times the other.
    Times,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Under(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub fn new(scenario: &'static str, figure: impl Into<String>, value: f64, unit: Unit) -> Row {
        Row { scenario, figure: figure.into(), value, unit, wish: None, is_met: None }
    }

    pub fn wanted(self, wish: Wish) -> Row {
        let is_met = match wish {
            Wish::Under(limit) => self.value < limit,
            Wish::AtMost(limit) => self.value <= limit,
            Wish::AtLeast(limit) => self.value >= limit,
        };
        Row { wish: Some(wish), is_met: Some(is_met), ..self }
    }

    fn wish_text(&self) -> String {
        let text = |limit| self.unit.text(limit);
        match self.wish {
            None => String::new(),
            Some(Wish::Under(limit)) => format!("< {}", text(limit)),
            Some(Wish::AtMost(limit)) => format!("<= {}", text(limit)),
            Some(Wish::AtLeast(limit)) => format!(">= {}", text(limit)),
        }
    }
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Unit::Count => grouped(value),
            Unit::PerSecond => format!("{}/s", grouped(value)),
            Unit::Seconds => format!("{} s", significant(value)),
            Unit::Milliseconds => format!("{} ms", significant(value)),
            Unit::Microseconds => format!("{} us", significant(value)),
            Unit::Megabytes => format!("{} MB", significant(value / 1e6)),
            Unit::Bytes => format!("{} B", grouped(value)),
            Unit::Percent => format!("{} %", significant(value * 100.0)),
            Unit::Times => format!("{value:.2} x"),
        }
    }
}

/// `1,234,567`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits, as far as they say something.
fn significant(value: f64) -> String {
    let text = match value {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

pub fn table(rows: &[Row]) -> Table {
    let mut table = new_table(&["scenario", "figure", "value", "wanted", "met?"]);
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    let mut scenario = "";
    for row in rows {
        let is_new = scenario != row.scenario;
        scenario = row.scenario;
        table.add_row([
            if is_new { scenario.to_owned() } else { String::new() },
            row.figure.clone(),
            row.unit.text(row.value),
            row.wish_text(),
            row.is_met.map_or("", |is_met| if is_met { "yes" } else { "NO" }).to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_as_many_digits_as_say_something() {
        let check = |unit: Unit, value, expected| assert_eq!(unit.text(value), expected);
        check(Unit::Count, 1_000_000.0, "1,000,000");
        check(Unit::Count, 100.0, "100");
        check(Unit::PerSecond, 17_424.4, "17,424/s");
        check(Unit::Seconds, 0.614, "0.61 s");
        check(Unit::Seconds, 3.0, "3 s");
        check(Unit::Milliseconds, 100.0, "100 ms");
        check(Unit::Megabytes, 287_654_321.0, "288 MB");
        check(Unit::Percent, 0.9, "90 %");
        check(Unit::Times, 1.2, "1.20 x");
    }

    #[test]
    fn a_wish_is_met_or_not() {
        let check = |value, wish, expected: (bool, &str)| {
            let row = Row::new("x", "y", value, Unit::Seconds).wanted(wish);
            assert_eq!((row.is_met, row.wish_text().as_str()), (Some(expected.0), expected.1));
        };
        check(2.9, Wish::Under(3.0), (true, "< 3 s"));
        check(3.0, Wish::Under(3.0), (false, "< 3 s"));
        check(3.0, Wish::AtMost(3.0), (true, "<= 3 s"));
        check(0.9, Wish::AtLeast(1.0), (false, ">= 1 s"));
        assert_eq!(Row::new("x", "y", 1.0, Unit::Count).wish_text(), "");
    }
}
