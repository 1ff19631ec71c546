//! Tables of text that fit the terminal: columns are dropped in a stated order, then the last one is shortened.

use std::fmt::Write as _;

use clap::builder::styling::Style;

use super::{shorten, width};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// Numbers are aligned on the right.
    pub right: bool,
    /// When the terminal is narrow, the column with the highest number goes first; 0 never goes.
    pub expendable: u8,
}

impl Column {
    /// A column of texts that always stays.
    pub const fn text(title: &'static str) -> Self {
        Self {
            title,
            right: false,
            expendable: 0,
        }
    }

    /// A column of numbers that always stays.
    pub const fn number(title: &'static str) -> Self {
        Self {
            title,
            right: true,
            expendable: 0,
        }
    }

    /// The same column, dropped as number `order` (the highest first) when there is no room.
    pub const fn expendable(self, order: u8) -> Self {
        Self {
            expendable: order,
            ..self
        }
    }
}

/// A cell: clean text and how it is painted.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The text; see [`super::clean`].
    pub text: String,
    /// How it is painted where there is colour.
    pub style: Style,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            style: Style::new(),
        }
    }
}

/// Rows under headings. Every row has as many cells as there are columns.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// Columns between two columns.
const GAP: usize = 2;

/// What is left of the last column before another one is dropped for it.
const LAST_MINIMUM: usize = 12;

impl Table {
    /// An empty table.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for every column");
        self.rows.push(cells);
    }

    /// The lines, the headings first. Without `room` (in a pipe) nothing is dropped or shortened.
    pub fn lines(&self, room: Option<usize>, colour: bool) -> Vec<String> {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = self.rows.iter().map(|row| width(&row[at].text));
                cells.chain([width(column.title)]).max().unwrap_or(0)
            })
            .collect();
        let shown = self.fitting(&widths, room);
        let heading: Vec<Cell> = self.columns.iter().map(|c| c.title.into()).collect();
        std::iter::once(&heading)
            .chain(&self.rows)
            .map(|row| self.line(row, &shown, &widths, room, colour))
            .collect()
    }

    /// The columns, by number, that there is room for.
    fn fitting(&self, widths: &[usize], room: Option<usize>) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let Some(room) = room else {
            return shown;
        };
        loop {
            let Some((&last, others)) = shown.split_last() else {
                return shown;
            };
            let used: usize = others.iter().map(|at| widths[*at] + GAP).sum();
            let dropped = shown
                .iter()
                .copied()
                .filter(|at| self.columns[*at].expendable > 0)
                .max_by_key(|at| self.columns[*at].expendable);
            match dropped {
                Some(dropped) if used + widths[last].min(LAST_MINIMUM) > room => {
                    shown.retain(|at| *at != dropped);
                }
                _ => return shown,
            }
        }
    }

    fn line(
        &self,
        row: &[Cell],
        shown: &[usize],
        widths: &[usize],
        room: Option<usize>,
        colour: bool,
    ) -> String {
        let (mut line, mut used) = (String::new(), 0);
        for (place, &at) in shown.iter().enumerate() {
            let cell = &row[at];
            let is_last = place + 1 == shown.len();
            let text = match room {
                Some(room) if is_last => shorten(&cell.text, room.saturating_sub(used)),
                _ => cell.text.as_str().into(),
            };
            let padding = " ".repeat(widths[at].saturating_sub(width(&text)));
            let (left, right) = match (self.columns[at].right, is_last) {
                (true, _) => (padding.as_str(), ""),
                (false, true) => ("", ""),
                (false, false) => ("", padding.as_str()),
            };
            line.push_str(left);
            if colour {
                let style = cell.style;
                // Writing to a string cannot fail.
                let _ = write!(line, "{style}{text}{style:#}");
            } else {
                line.push_str(&text);
            }
            line.push_str(right);
            if !is_last {
                line.push_str(&" ".repeat(GAP));
            }
            used += widths[at] + GAP;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use clap::builder::styling::AnsiColor;

    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            Column::text("ID"),
            Column::number("SIZE").expendable(2),
            Column::text("PRIORITY").expendable(1),
            Column::text("NAME"),
        ]);
        table.row([
            "12345678".into(),
            "9 B".into(),
            "high".into(),
            "a name that is rather long".into(),
        ]);
        table.row([
            "abcdefab".into(),
            "1.00 KiB".into(),
            "low".into(),
            "b".into(),
        ]);
        table
    }

    #[test]
    fn a_pipe_gets_everything_in_aligned_columns() {
        assert_eq!(
            table().lines(None, false),
            [
                "ID            SIZE  PRIORITY  NAME",
                "12345678       9 B  high      a name that is rather long",
                "abcdefab  1.00 KiB  low       b",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_loses_expendable_columns_first_and_then_the_end_of_the_last() {
        assert_eq!(
            table().lines(Some(36), false)[1],
            "12345678  high      a name that is …"
        );
        assert_eq!(
            table().lines(Some(24), false)[1],
            "12345678  a name that i…"
        );
        assert_eq!(table().lines(Some(15), false)[1], "12345678  a na…");
    }

    #[test]
    fn colour_does_not_move_the_columns() {
        let mut table = Table::new([Column::text("A"), Column::text("B")]);
        let red = AnsiColor::Red.on_default();
        table.row([
            Cell {
                text: "x".into(),
                style: red,
            },
            "y".into(),
        ]);
        let line = &table.lines(None, true)[1];
        assert_eq!(line, &format!("{red}x{red:#}  y"));
    }
}
