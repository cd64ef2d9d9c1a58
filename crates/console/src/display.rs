//! Results as tables that fit a terminal. A sealed value is a hundred characters that nobody reads, so it is shown by
//! its start; `\w` shows it whole.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Sealed values whole.
    pub(crate) wide: bool,
    /// One line a column.
    pub(crate) expanded: bool,
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
    /// The result as text.
    pub(crate) fn render(&self, style: Style) -> String {
        let mut text = if style.expanded {
            self.expanded(style)
        } else {
            self.table(style)
        };
        let count = self.rows.len() as u64 + self.more;
        let plural = if count == 1 { "row" } else { "rows" };
        text.push_str(&format!("\n({count} {plural}"));
        if self.more > 0 {
            text.push_str(&format!(", the first {} shown: say LIMIT", self.rows.len()));
        }
        text.push(')');
        text
    }

    fn table(&self, style: Style) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(&self.columns);
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
        let width = self
            .columns
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            text.push_str(&format!("─[ row {} ]─\n", number + 1));
            for (name, cell) in self.columns.iter().zip(row) {
                text.push_str(&format!(
                    "{name:width$}  {}\n",
                    shown(cell.as_deref(), style)
                ));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn shown(cell: Option<&str>, style: Style) -> String {
    let Some(text) = cell else {
        return "∅".to_owned();
    };
    if text.starts_with(SEALED) && !style.wide {
        let start: String = text.chars().take(SEALED_SHOWN_CHARS).collect();
        return format!("{start}…");
    }
    // A control character in a value must not reach the terminal as one.
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Style = Style {
        wide: false,
        expanded: false,
    };

    fn sample() -> ResultSet {
        let row = vec![
            Some("1".to_owned()),
            Some(format!("pv1_{}", "A".repeat(100))),
            None,
            Some("a\u{1b}[31mb".to_owned()),
        ];
        let columns = ["id", "email", "note", "odd"].map(str::to_owned).to_vec();
        ResultSet {
            columns,
            rows: vec![row],
            more: 0,
        }
    }

    #[test]
    fn sealed_values_are_shown_by_their_start() {
        let text = sample().render(NARROW);
        assert!(text.contains("pv1_AAAAAAAAAA…"), "{text}");
        assert!(!text.contains(&"A".repeat(20)), "{text}");
        let wide = sample().render(Style {
            wide: true,
            ..NARROW
        });
        assert!(wide.contains(&"A".repeat(100)), "{wide}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert!(!sample().render(NARROW).contains('\u{1b}'));
        assert!(
            !sample()
                .render(Style {
                    expanded: true,
                    ..NARROW
                })
                .contains('\u{1b}')
        );
    }

    #[test]
    fn counts_say_what_is_missing() {
        let text = ResultSet {
            more: 9,
            ..sample()
        }
        .render(NARROW);
        assert!(
            text.ends_with("(10 rows, the first 1 shown: say LIMIT)"),
            "{text}"
        );
        assert!(sample().render(NARROW).ends_with("(1 row)"));
    }
}
