//! A validator with a few rules of its own, and harm on demand, so that tests of host and loop can drive each of its
//! answers and limits from the guest's side.

mod harm;
mod look;
mod rules;

use serde::Deserialize;
use windlass_sdk::{CheckRequest, Diagnostic, Failure, Findings, Location, Validator};

/// The plugin.
#[derive(Debug)]
pub struct Checker;

/// See `plugin.yaml`, which also fills the defaults.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    mode: Mode,
    n: u32,
    bytes: u32,
}

/// What to do.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Check,
    Pages,
    Request,
    Parts,
    OutOfRange,
    Beyond,
    RelatedBeyond,
    NoPointer,
    Nowhere,
    #[serde(rename = "not-utf8")]
    NotUtf8,
    FloodFindings,
    FloodLog,
    LeakHandles,
    Memory,
    Spin,
    Trap,
    Panic,
    Invalid,
    Unsupported,
    Internal,
}

impl Validator for Checker {
    fn validate(request: &CheckRequest, findings: &Findings) -> Result<(), Failure> {
        let config: Config = request.config_as()?;
        match config.mode {
            Mode::Check => rules::check(&request.objects(), findings),
            Mode::Pages => look::pages(&config, request, findings),
            Mode::Request => look::request(request, findings),
            Mode::Parts => look::parts(request, findings),
            Mode::Invalid => return Err(Diagnostic::error("checker-invalid", "nothing to be checked").into()),
            Mode::Unsupported => return Err(Failure::Unsupported("this kind of object".to_owned())),
            Mode::Internal => return Err(Failure::Internal("lost my tables".to_owned())),
            _ => harm::run(&config, request, findings),
        }
        Ok(())
    }
}

windlass_sdk::validator!(Checker);

/// Tells a test what was seen.
fn tell(findings: &Findings, code: &str, message: impl Into<String>) {
    findings.report(&Diagnostic::info(code, message));
}

/// A finding at an object.
fn at(diagnostic: Diagnostic, index: u32, pointer: &str) -> Diagnostic {
    diagnostic.at(Location::object(index, pointer))
}
