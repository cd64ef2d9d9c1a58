//! What a run found: rows of figures and a line about the machine, as a table and as JSON.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::machine::Machine;

/// One figure, perhaps beside a peer's and with a goal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    peer: Option<String>,
    peer_value: Option<f64>,
    /// How this compares with the peer, where 1 is as good and more is better.
    ratio: Option<f64>,
    goal: Option<String>,
    met: Option<bool>,
}

impl Row {
    /// A figure of which more is better, or of which nothing is said.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            peer: None,
            peer_value: None,
            ratio: None,
            goal: None,
            met: None,
        }
    }

    /// Beside a peer in the same unit, of which more is better.
    pub(crate) fn beside(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.ratio = Some(self.value / value);
        self.limit(peer, value)
    }

    /// Beside a peer in the same unit, of which less is better.
    pub(crate) fn beside_time(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.ratio = Some(value / self.value);
        self.limit(peer, value)
    }

    /// Beside something to know, which the value is not to be divided by.
    pub(crate) fn limit(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.peer = Some(peer.into());
        self.peer_value = Some(value);
        self
    }

    /// The value should be at least this.
    pub(crate) fn at_least(self, goal: f64) -> Self {
        let met = self.value >= goal;
        self.goal(format!(">= {}", figure(goal)), met)
    }

    /// The value should be at most this.
    pub(crate) fn at_most(self, goal: f64) -> Self {
        let met = self.value <= goal;
        self.goal(format!("<= {}", figure(goal)), met)
    }

    /// The ratio should be at least this.
    pub(crate) fn ratio_at_least(self, goal: f64) -> Self {
        let met = self.ratio.is_some_and(|ratio| ratio >= goal);
        self.goal(format!("ratio >= {goal}"), met)
    }

    fn goal(mut self, goal: String, met: bool) -> Self {
        self.goal = Some(goal);
        self.met = Some(met);
        self
    }
}

/// The figures of one benchmark.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    machine: Machine,
    rows: Vec<Row>,
    notes: Vec<String>,
    #[serde(skip)]
    rows_long: Option<u32>,
}

impl Report {
    /// Looks at the machine before anything runs. `rows_long`: what takes long is asked for, too, over so many rows.
    pub(crate) fn start(benchmark: &'static str, rows_long: Option<u32>) -> Result<Self> {
        Ok(Self {
            benchmark,
            machine: Machine::look()?,
            rows: Vec::new(),
            notes: Vec::new(),
            rows_long,
        })
    }

    /// Over how many rows that which takes long is to be run, if it is asked for.
    pub(crate) fn rows_long(&self) -> Option<u32> {
        self.rows_long
    }

    /// Adds a figure.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a sentence that belongs to the figures.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Prints the figures and writes them to `NAME.json`; answers whether all goals are met.
    pub(crate) fn finish(mut self, results: &Path) -> Result<bool> {
        self.machine.look_again()?;
        let mut out = io::stdout().lock();
        writeln!(out, "\n{}\n{}", self.machine, self.table())?;
        for note in &self.notes {
            writeln!(out, "  {note}")?;
        }
        writeln!(out)?;
        std::fs::create_dir_all(results)?;
        let path = results.join(format!("{}.json", self.benchmark));
        let json = serde_json::to_string_pretty(&self)? + "\n";
        std::fs::write(&path, json)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(self.rows.iter().all(|row| row.met != Some(false)))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.set_header([
            self.benchmark,
            "value",
            "unit",
            "peer or limit",
            "its value",
            "ratio",
            "goal",
            "met",
        ]);
        for row in &self.rows {
            let peer = row.peer.clone().unwrap_or_default();
            let met = row.met.map_or("", |met| if met { "yes" } else { "NO" });
            table.add_row([
                row.name.clone(),
                figure(row.value),
                row.unit.to_owned(),
                peer,
                row.peer_value.map(figure).unwrap_or_default(),
                row.ratio
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                row.goal.clone().unwrap_or_default(),
                met.to_owned(),
            ]);
        }
        for column in [1, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

/// A number with three or four digits that matter.
fn figure(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || magnitude.fract() == 0.0 {
        grouped(value)
    } else if magnitude >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one of some measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value that a share of the sorted measurements does not exceed.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, text) in [
            (15_000.0, "15,000"),
            (1_234_567.8, "1,234,568"),
            (100.0, "100"),
            (-1000.0, "-1,000"),
            (12.345, "12.35"),
            (0.6, "0.6000"),
            (5.0, "5"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn percentiles_of_few() {
        let sorted: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 0.99), 99.0);
        assert_eq!(percentile(&[1.0], 0.99), 1.0);
        assert!(percentile(&[], 0.5).is_nan());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn goals_look_at_value_or_ratio() {
        let row = Row::new("x", 5.0, "ms").beside_time("y", 4.0);
        assert_eq!(row.ratio, Some(0.8));
        assert_eq!(row.clone().at_most(5.0).met, Some(true));
        assert_eq!(row.clone().at_least(5.1).met, Some(false));
        assert_eq!(row.ratio_at_least(0.9).met, Some(false));
    }
}
