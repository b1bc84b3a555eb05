//! A renderer that does what its config says, so that the host's tests can drive each of its answers and limits
//! from the guest's side. What it learns it emits as one JSON document of kind `Answers`.

mod config;
mod answer;
mod ask;
mod facts;
mod emit;
mod flood;
mod harm;

use windlass_sdk::{Diagnostic, Failure, Location, OpenError, RenderRequest, Renderer, Sink};

use crate::config::{Config, Mode};

/// The plugin.
#[derive(Debug)]
pub struct Probe;

impl Renderer for Probe {
    fn render(request: &RenderRequest, out: &Sink) -> Result<(), Failure> {
        let config: Config = request.config_as()?;
        match config.mode {
            Mode::Echo => emit::echo(&config, request, out),
            Mode::Raw => emit::raw(&config, out),
            Mode::Label
            | Mode::Stat
            | Mode::Read
            | Mode::ReadAll
            | Mode::List
            | Mode::ListAll
            | Mode::Glob
            | Mode::Digest
            | Mode::Canonical => ask::all(&config, request, out)?,
            Mode::Entropy => facts::entropy(&config, out),
            Mode::Facts => facts::request(&config, request, out),
            Mode::Apis => facts::apis(request, out),
            Mode::Input => facts::input(request, out),
            Mode::Source => facts::source(&config, request, out),
            Mode::Invalid => return Err(invalid(&config.text)),
            Mode::HugeFailure => return Err(invalid(&"x".repeat(config.bytes as usize))),
            Mode::Unsupported => return Err(Failure::Unsupported(config.text)),
            Mode::Internal => return Err(Failure::Internal(config.text)),
            Mode::Other => {
                return Err(Failure::Other(OpenError {
                    code: "probe-other".to_owned(),
                    message: config.text,
                }));
            }
            _ => harm::run(&config, request, out),
        }
        Ok(())
    }
}

windlass_sdk::renderer!(Probe);

/// One diagnostic with every part filled, one that has only what it must.
fn invalid(text: &str) -> Failure {
    let full = Diagnostic::error("probe-invalid", text)
        .at(Location::point("probe.txt", 2, 3))
        .related(Location::Config("/mode".to_owned()), "asked for here")
        .help("ask for something else");
    let bare = Diagnostic::warning("probe-bare", "nothing but this");
    Failure::Invalid(vec![full, bare])
}
