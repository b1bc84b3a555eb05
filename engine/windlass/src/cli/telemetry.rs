//! Logs on standard error, silent unless asked for. What a user must know is printed, never only logged.

use std::{
    io::{self, Write},
    sync::Arc,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{clean, output::Output, paint::Paint, screen::Screen};

/// Filter in the syntax of `tracing`, e.g. `windlass_host=debug`; wins over `-v`.
const FILTER: &str = "WINDLASS_LOG";

/// Starts logging for the life of the process.
pub(super) fn start(verbosity: u8, output: &Output) {
    let level = match verbosity {
        0 => "off",
        1 => "windlass=info,windlass_core=info,windlass_host=info,windlass_source=info",
        2 => "windlass=debug,windlass_core=debug,windlass_host=debug,windlass_source=debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(level));
    let colour = output.error_paint == Paint::Colour;
    let writer = Above {
        screen: Arc::clone(&output.screen),
        colour,
    };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colour)
        .try_init();
}

/// Writes above whatever stays at the bottom of the terminal.
struct Above {
    screen: Arc<Screen>,
    colour: bool,
}

impl<'a> MakeWriter<'a> for Above {
    type Writer = AboveWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        AboveWriter(self)
    }
}

struct AboveWriter<'a>(&'a Above);

impl Write for AboveWriter<'_> {
    /// The subscriber writes whole lines. It escapes what strangers put into them, but not marks of direction; with colours, its
    /// own sequences can't be told from theirs any more.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if self.0.colour {
            self.0.screen.write(&text);
        } else {
            self.0.screen.write(&clean::text(&text));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
