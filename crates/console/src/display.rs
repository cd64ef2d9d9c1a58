//! Results as tables that fit a terminal. A sealed value is a hundred characters that nobody reads, so it is shown by
//! its start; `\w` shows it whole.

use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::terminal::printable;

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Sealed values whole.
    pub(crate) wide: bool,
    /// One line a column.
    pub(crate) expanded: Expanded,
}

/// When a result has one line a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// Where a table would be wider than the terminal.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Expanded {
    /// What `\x` turns to next.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Auto => Self::On,
            Self::On => Self::Off,
            Self::Off => Self::Auto,
        }
    }

    /// What it does, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Auto => "tables; one line a column where they do not fit",
            Self::On => "one line a column",
            Self::Off => "tables, however wide",
        }
    }
}

const SEALED: &str = "pv1_";
const SEALED_SHOWN_CHARS: usize = 14;

/// One result.
#[derive(Debug, Default)]
pub(crate) struct ResultSet {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// Rows beyond those kept.
    pub(crate) more: u64,
}

impl ResultSet {
    /// The result as text, for lines of so many characters.
    pub(crate) fn render(&self, style: Style, width: Option<usize>) -> String {
        let mut text = match style.expanded {
            Expanded::On => self.expanded(style),
            Expanded::Off => self.table(style),
            Expanded::Auto => {
                let table = self.table(style);
                // The frame's first line is as wide as the table, and each of its characters one column.
                let wide = table.lines().next().unwrap_or_default().chars().count();
                if width.is_some_and(|width| wide > width) && !self.rows.is_empty() {
                    self.expanded(style)
                } else {
                    table
                }
            }
        };
        if !text.is_empty() {
            text.push('\n');
        }
        let count = self.rows.len() as u64 + self.more;
        text.push_str(&format!("({}", rows(count)));
        if self.more > 0 {
            text.push_str(&format!(", the first {} shown: say LIMIT", self.rows.len()));
        }
        text.push(')');
        text
    }

    fn table(&self, style: Style) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(self.columns.iter().map(|name| printable(name)));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let shown = shown(cell.as_deref(), style);
                let number = cell.as_deref().is_some_and(is_number);
                let align = if number {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                Cell::new(shown).set_alignment(align)
            }));
        }
        table.to_string()
    }

    fn expanded(&self, style: Style) -> String {
        let names: Vec<_> = self.columns.iter().map(|name| printable(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0);
        let margin = format!("\n{:width$}  ", "");
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            text.push_str(&format!("─[ row {} ]─\n", number + 1));
            for (name, cell) in names.iter().zip(row) {
                let shown = shown(cell.as_deref(), style).replace('\n', &margin);
                text.push_str(&format!("{name:width$}  {shown}\n"));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// A count of rows in words.
pub(crate) fn rows(count: u64) -> String {
    let plural = if count == 1 { "row" } else { "rows" };
    format!("{count} {plural}")
}

fn shown(cell: Option<&str>, style: Style) -> String {
    let Some(text) = cell else {
        return "∅".to_owned();
    };
    if text.starts_with(SEALED) && !style.wide {
        let start: String = text.chars().take(SEALED_SHOWN_CHARS).collect();
        return format!("{}…", printable(&start));
    }
    printable(text)
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Style = Style {
        wide: false,
        expanded: Expanded::Off,
    };

    fn sample() -> ResultSet {
        let row = vec![
            Some("1".to_owned()),
            Some(format!("pv1_{}", "A".repeat(100))),
            None,
            Some("a\u{1b}[31mb".to_owned()),
        ];
        let columns = ["id", "email", "note", "o\u{1b}[1md"].map(str::to_owned);
        ResultSet {
            columns: columns.to_vec(),
            rows: vec![row],
            more: 0,
        }
    }

    #[test]
    fn sealed_values_are_shown_by_their_start() {
        let text = sample().render(NARROW, None);
        assert!(text.contains("pv1_AAAAAAAAAA…"), "{text}");
        assert!(!text.contains(&"A".repeat(20)), "{text}");
        let wide = Style {
            wide: true,
            ..NARROW
        };
        let wide = sample().render(wide, None);
        assert!(wide.contains(&"A".repeat(100)), "{wide}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        for expanded in [Expanded::Off, Expanded::On] {
            let style = Style { expanded, ..NARROW };
            assert!(!sample().render(style, None).contains('\u{1b}'));
        }
    }

    #[test]
    fn what_does_not_fit_has_one_line_a_column() {
        let style = Style {
            expanded: Expanded::Auto,
            ..NARROW
        };
        assert!(sample().render(style, Some(80)).starts_with('┌'));
        assert!(sample().render(style, None).starts_with('┌'));
        let narrow = sample().render(style, Some(20));
        assert!(narrow.starts_with("─[ row 1 ]─\nid "), "{narrow}");
        let empty = ResultSet {
            rows: Vec::new(),
            ..sample()
        };
        assert!(empty.render(style, Some(20)).starts_with('┌'));
        let on = Style {
            expanded: Expanded::On,
            ..NARROW
        };
        assert_eq!(empty.render(on, None), "(0 rows)");
    }

    #[test]
    fn lines_of_a_value_stay_in_their_column() {
        let set = ResultSet {
            columns: vec!["note".to_owned()],
            rows: vec![vec![Some("a\nb".to_owned())]],
            more: 0,
        };
        let style = Style {
            expanded: Expanded::On,
            ..NARROW
        };
        let shown = set.render(style, None);
        assert_eq!(shown, "─[ row 1 ]─\nnote  a\n      b\n(1 row)");
    }

    #[test]
    fn counts_say_what_is_missing() {
        let text = ResultSet {
            more: 9,
            ..sample()
        }
        .render(NARROW, None);
        assert!(
            text.ends_with("(10 rows, the first 1 shown: say LIMIT)"),
            "{text}"
        );
        assert!(sample().render(NARROW, None).ends_with("(1 row)"));
    }
}
