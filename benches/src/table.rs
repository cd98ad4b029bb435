//! What was measured, as a table for people and as JSON for programs.

use serde_json::{Value, json};

use crate::measure::Spread;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was done.
    pub what: String,
    /// Over how many bodies, audiences or operators.
    pub size: String,
    /// Nanoseconds.
    pub spread: Spread,
    /// What to read beside it.
    pub note: String,
}

/// A part of the report.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its title.
    pub title: &'static str,
    /// What `size` counts.
    pub size_of: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Section {
    /// A part without lines.
    pub const fn new(title: &'static str, size_of: &'static str) -> Self {
        Self {
            title,
            size_of,
            lines: Vec::new(),
        }
    }

    /// Adds a line and says so, since the whole takes minutes.
    pub fn add(&mut self, what: &str, size: impl ToString, spread: Spread, note: impl ToString) {
        eprintln!("  {what} ({}): {}", size.to_string(), short(spread.median));
        self.lines.push(Line {
            what: what.to_owned(),
            size: size.to_string(),
            spread,
            note: note.to_string(),
        });
    }

    /// The part in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "\n### {}\n\n| what | {} | median | middle half | fastest | |\n|---|---:|---:|---:|---:|---|\n",
            self.title, self.size_of
        );
        for line in &self.lines {
            let Spread {
                median,
                fastest,
                low,
                high,
            } = line.spread;
            text += &format!(
                "| {} | {} | {} | {} to {} | {} | {} |\n",
                line.what,
                line.size,
                short(median),
                short(low),
                short(high),
                short(fastest),
                line.note
            );
        }
        text
    }

    /// The part as JSON; times in nanoseconds.
    pub fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                json!({
                    "what": line.what, "size": line.size, "note": line.note,
                    "median_ns": line.spread.median, "fastest_ns": line.spread.fastest,
                    "quartile_ns": [line.spread.low, line.spread.high],
                })
            })
            .collect();
        json!({"title": self.title, "size_of": self.size_of, "lines": lines})
    }
}

/// A number with its thousands apart.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds in the unit that suits them.
pub fn short(nanos: f64) -> String {
    match nanos {
        n if n < 100.0 => format!("{n:.1} ns"),
        n if n < 1e4 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.1} µs", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}
