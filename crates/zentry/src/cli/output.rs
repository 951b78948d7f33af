//! What commands print: results to standard output, how far they have come to standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde_json::Value;

use crate::exit::Failure;

/// Prints a result. Whoever reads it may have read enough.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::World(format!("the result cannot be printed: {error}")))
        }
        _ => Ok(()),
    }
}

/// `1 letter`, `2 letters`.
pub(super) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Rows under the names of their columns.
pub(super) struct Table<const N: usize> {
    pub(super) columns: [&'static str; N],
    pub(super) rows: Vec<[Value; N]>,
}

impl<const N: usize> Table<N> {
    /// One array of objects with the columns as keys, in their order.
    pub(super) fn json(&self) -> String {
        let object = |row: &[Value; N]| {
            let pairs: Vec<_> =
                self.columns.iter().zip(row).map(|(column, value)| format!("\"{column}\": {value}")).collect();
            format!("  {{ {} }}", pairs.join(", "))
        };
        let objects: Vec<_> = self.rows.iter().map(object).collect();
        if objects.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", objects.join(",\n")) }
    }

    /// For people: aligned, with the names of the columns even where there is no row.
    pub(super) fn text(&self) -> String {
        let header = self.columns.map(str::to_owned);
        let lines: Vec<_> = [header].into_iter().chain(self.rows.iter().map(|row| row.each_ref().map(cell))).collect();
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
        let widths: Vec<_> = (0..N).map(width).collect();
        let aligned = lines.iter().map(|line| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        aligned.collect::<Vec<_>>().join("\n")
    }
}

/// One clean line: some of it came from outside, and terminals obey control characters.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        other => other.to_string(),
    }
}

/// How far a long work has come: a bar on a terminal, a line for every tenth elsewhere, nothing for a short one.
pub(super) struct Bar {
    worth_it: u64,
    to_terminal: bool,
    shown: Option<(&'static str, u64)>,
}

impl Bar {
    /// Shows nothing where there is not more to do than this.
    pub(super) fn beyond(worth_it: u64) -> Self {
        Self { worth_it, to_terminal: io::stderr().is_terminal(), shown: None }
    }

    /// So much of so much is done.
    pub(super) fn at(&mut self, doing: &'static str, done: u64, total: u64) {
        if let Some(text) = self.step(doing, done, total) {
            // Nobody's work fails because nobody can be told about it.
            let _ = write!(io::stderr().lock(), "{text}");
        }
    }

    /// What to write now, if anything.
    fn step(&mut self, doing: &'static str, done: u64, total: u64) -> Option<String> {
        if total <= self.worth_it {
            return None;
        }
        let percent = (u128::from(done.min(total)) * 100 / u128::from(total)) as u64;
        let step = if self.to_terminal { percent } else { percent - percent % 10 };
        if self.shown.replace((doing, step)) == Some((doing, step)) {
            return None;
        }
        Some(match self.to_terminal {
            false => format!("{doing}: {step} %\n"),
            true => {
                let full = "#".repeat(percent as usize / 4);
                let end = if percent == 100 { "\n" } else { "" };
                format!("\r{doing:<10} [{full:<25}] {percent:>3} %{end}")
            }
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // What comes next begins on a line of its own.
        if self.to_terminal && self.shown.is_some_and(|(_, step)| step < 100) {
            let _ = writeln!(io::stderr().lock());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_table_still_prints_its_header() {
        let table = Table { columns: ["id", "reason"], rows: Vec::new() };
        assert_eq!(table.text(), "id  reason");
        assert_eq!(table.json(), "[]");
    }

    #[test]
    fn columns_are_aligned_and_terminals_are_not_commanded() {
        let rows = vec![[json!("a"), json!(null)], [json!("long"), json!("red\u{1b}[31m\nnext")]];
        let table = Table { columns: ["id", "reason"], rows };
        assert_eq!(table.text(), "id    reason\na     -\nlong  red [31m next");
        let read: Value = serde_json::from_str(&table.json()).expect("JSON");
        assert_eq!(read, json!([{ "id": "a", "reason": null }, { "id": "long", "reason": "red\u{1b}[31m\nnext" }]));
    }

    #[test]
    fn a_long_work_tells_every_tenth_once_and_a_short_one_nothing() {
        let mut bar = Bar { worth_it: 10, to_terminal: false, shown: None };
        let told: String = (0..=200).filter_map(|done| bar.step("sealing", done, 200)).collect();
        assert_eq!(told.lines().count(), 11);
        assert!(told.starts_with("sealing: 0 %\n") && told.ends_with("sealing: 100 %\n"), "{told}");
        assert!((0..=10).all(|done| bar.step("sealing", done, 10).is_none()));
    }

    #[test]
    fn a_bar_stays_on_its_line_until_it_is_full() {
        let mut bar = Bar { worth_it: 10, to_terminal: true, shown: None };
        assert_eq!(bar.step("sealing", 50, 100).as_deref(), Some("\rsealing    [############             ]  50 %"));
        assert!(bar.step("sealing", 100, 100).is_some_and(|text| text.ends_with("100 %\n")));
    }
}
