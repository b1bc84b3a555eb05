//! Tables as kubectl prints them: a header in capitals, columns apart by three spaces, no lines.

use console::measure_text_width;

use super::{
    clean,
    paint::{Paint, Tone},
};

/// One field of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    /// A text; control characters are dropped.
    #[must_use]
    pub(super) fn text(text: &str) -> Self {
        Self {
            text: clean::line(text).into_owned(),
            tone: Tone::Plain,
            right: false,
        }
    }

    /// A number, to the right; a zero is faint.
    #[must_use]
    pub(super) fn number(number: usize) -> Self {
        Self {
            text: number.to_string(),
            tone: if number == 0 { Tone::Faint } else { Tone::Plain },
            right: true,
        }
    }

    /// The same in a colour.
    #[must_use]
    pub(super) fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// Columns' widths, so that rows which come one by one stand below each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    header: Vec<&'static str>,
    widths: Vec<usize>,
}

/// Spaces between columns.
const GAP: usize = 3;

impl Layout {
    /// Columns as wide as their names.
    #[must_use]
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            widths: header.iter().map(|name| measure_text_width(name)).collect(),
        }
    }

    /// Makes room for a row. Says whether any column became wider.
    pub(super) fn fit(&mut self, row: &[Cell]) -> bool {
        let before = self.widths.clone();
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = measure_text_width(&cell.text).max(*width);
        }
        self.widths != before
    }

    /// The first line.
    #[must_use]
    pub(super) fn header(&self, paint: Paint) -> String {
        let cells: Vec<Cell> = self
            .header
            .iter()
            .map(|name| Cell::text(name).tone(Tone::Strong))
            .collect();
        self.row(&cells, paint)
    }

    /// One line, without a line feed or trailing spaces.
    #[must_use]
    pub(super) fn row(&self, row: &[Cell], paint: Paint) -> String {
        let mut line = String::new();
        let mut owed = 0;
        for (cell, width) in row.iter().zip(&self.widths) {
            let padding = width.saturating_sub(measure_text_width(&cell.text));
            let (before, after) = if cell.right { (padding, 0) } else { (0, padding) };
            line.extend(std::iter::repeat_n(' ', owed + before));
            line.push_str(&paint.tone(cell.tone, &cell.text));
            owed = after + GAP;
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A whole table, each line with its line feed.
#[must_use]
pub(super) fn table(header: &[&'static str], rows: &[Vec<Cell>], paint: Paint) -> String {
    let mut layout = Layout::new(header);
    for row in rows {
        layout.fit(row);
    }
    std::iter::once(layout.header(paint))
        .chain(rows.iter().map(|row| layout.row(row, paint)))
        .fold(String::new(), |text, line| text + &line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            vec![Cell::text("api"), Cell::number(12), Cell::text("ok")],
            vec![Cell::text("日本"), Cell::number(0), Cell::text("ok")],
            vec![
                Cell::text("a-long\u{1b}[1m-name"),
                Cell::number(3),
                Cell::text("").tone(Tone::Bad),
            ],
        ];
        assert_eq!(
            table(&["APP", "N", "END"], &rows, Paint::Plain),
            "APP              N    END\n\
             api              12   ok\n\
             日本              0   ok\n\
             a-long[1m-name    3\n"
        );
    }

    #[test]
    fn colours_do_not_move_columns() {
        let rows = [
            vec![Cell::text("x").tone(Tone::Good), Cell::text("y")],
            vec![Cell::text("long"), Cell::text("y")],
        ];
        let text = table(&["A", "B"], &rows, Paint::Colour);
        assert!(text.contains("\u{1b}[32mx\u{1b}[0m      y"), "{text:?}");
    }
}
