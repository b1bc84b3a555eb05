//! Colours, or none: decided once for a stream, then handed down.

use std::fmt::Display;

use owo_colors::{OwoColorize as _, Style};

/// Whether texts for a stream carry colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// No escape sequences at all.
    Plain,
    /// Sixteen-colour ANSI sequences, which follow the terminal's theme.
    Colour,
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be; added.
    Good,
    /// Wants a look; pending.
    Warn,
    /// Failed; removed.
    Bad,
    /// Less important than its neighbours.
    Faint,
    /// A heading.
    Strong,
    /// A place in a diff.
    Place,
    /// Nothing.
    Plain,
}

impl Paint {
    /// The text in the colour of its tone.
    #[must_use]
    pub(super) fn tone(self, tone: Tone, text: impl Display) -> String {
        let style = match tone {
            _ if self == Self::Plain => return text.to_string(),
            Tone::Plain => return text.to_string(),
            Tone::Good => Style::new().green(),
            Tone::Warn => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
            Tone::Place => Style::new().cyan(),
        };
        text.style(style).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_has_no_escape_sequences() {
        assert_eq!(Paint::Plain.tone(Tone::Bad, "x"), "x");
        assert_eq!(Paint::Colour.tone(Tone::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Paint::Colour.tone(Tone::Plain, "x"), "x");
    }
}
