//! The table that stays at the bottom of the terminal, with the news above it.

use std::sync::Arc;

use super::board::Board;
use crate::cli::{
    output::Output,
    paint::{Paint, Tone},
    screen::Screen,
};

/// Draws a [`Board`].
pub(super) struct Live {
    screen: Arc<Screen>,
    paint: Paint,
    is_stopping: bool,
}

impl Live {
    pub(super) fn new(board: &Board, output: &Output) -> Self {
        let live = Self {
            screen: Arc::clone(&output.screen),
            paint: output.error_paint,
            is_stopping: false,
        };
        live.draw(board);
        live
    }

    /// Shows the board as it is. Writes nothing when neither it nor the terminal's size changed.
    pub(super) fn draw(&self, board: &Board) {
        let rows = board.rows(self.paint).map(|(_, row)| row);
        let lines = std::iter::once(board.header(self.paint))
            .chain(rows)
            .chain([self.footer(board)]);
        self.screen.stay(lines.collect());
    }

    fn footer(&self, board: &Board) -> String {
        if self.is_stopping {
            let text = "stopping: cycles under way are finished first; Ctrl-C again ends now";
            return self.paint.tone(Tone::Warn, text);
        }
        self.paint
            .tone(Tone::Faint, format!("{}; Ctrl-C stops", board.summary()))
    }

    /// Leaves the table as ordinary text, without what was said below it.
    pub(super) fn finish(&self, board: &Board) {
        let rows = board.rows(self.paint).map(|(_, row)| row);
        self.screen
            .stay(std::iter::once(board.header(self.paint)).chain(rows).collect());
        self.screen.release();
    }

    /// Says that the end has begun.
    pub(super) fn stopping(&mut self, board: &Board) {
        self.is_stopping = true;
        self.draw(board);
    }
}
