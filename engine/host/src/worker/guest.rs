//! The contract's imports, each served by asking the engine.

mod bindings;
mod checking;
pub(super) mod convert;
mod events;
mod files;
mod http;
mod objects;
mod rendering;

use wasmtime::{
    Engine,
    component::{HasSelf, Linker, ResourceTableError},
};

use super::{WorkerError, state::State};
use crate::protocol::{Level, LogLine, SetName};
pub(super) use bindings::windlass::plugin::types::Failure;
pub(super) use bindings::{
    Renderer, RendererPre,
    health_checker::{HealthChecker, HealthCheckerPre, exports::windlass::plugin::health as health_api},
    notifier::{Notifier, NotifierPre, exports::windlass::plugin::notify as notify_api},
    validator::{Validator, ValidatorPre},
};
use bindings::{
    notifier::windlass::plugin::{events as events_api, http as http_api},
    validator::windlass::plugin::checking as checking_api,
    windlass::plugin::{entropy, files as files_api, log, objects as objects_api, rendering as rendering_api, types},
};

/// A tree's handle: the tree itself stays with the engine.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct Tree {
    label: String,
}

/// A handle on a set of objects.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct ObjectSet {
    name: SetName,
    pub(super) len: u32,
}

/// The handle of a request to render.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct Request;

/// The handle of a request to validate.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct CheckRequest;

/// The handle that takes a validator's findings.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct Findings;

/// The handle of an event.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct Event;

/// The sink's handle.
#[allow(unreachable_pub, reason = "named by generated code")]
pub struct Sink;

/// An answer for the guest, or a trap that ends the call.
#[allow(unreachable_pub, reason = "named by generated code")]
pub enum Halt {
    Answer(types::Refusal),
    End(wasmtime::Error),
}

impl From<types::Refusal> for Halt {
    fn from(refusal: types::Refusal) -> Self {
        Self::Answer(refusal)
    }
}

impl From<wasmtime::Error> for Halt {
    fn from(error: wasmtime::Error) -> Self {
        Self::End(error)
    }
}

impl From<ResourceTableError> for Halt {
    fn from(error: ResourceTableError) -> Self {
        Self::End(error.into())
    }
}

/// What a world's guests may import: everything of it that is served. An interface that is not linked can't be imported: no
/// code of it is reachable.
pub(super) struct Linkers {
    pub(super) renderer: Linker<State>,
    pub(super) validator: Linker<State>,
    pub(super) notifier: Linker<State>,
    pub(super) health_checker: Linker<State>,
}

pub(super) fn linkers(engine: &Engine) -> Result<Linkers, WorkerError> {
    link(engine).map_err(|error| WorkerError::Runtime {
        message: format!("{error:#}"),
    })
}

fn link(engine: &Engine) -> wasmtime::Result<Linkers> {
    let mut renderer = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    log::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    let mut notifier = renderer.clone();
    events_api::add_to_linker::<_, HasSelf<State>>(&mut notifier, |state| state)?;
    http_api::add_to_linker::<_, HasSelf<State>>(&mut notifier, |state| state)?;
    objects_api::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    let health_checker = renderer.clone();
    let mut validator = renderer.clone();
    checking_api::add_to_linker::<_, HasSelf<State>>(&mut validator, |state| state)?;
    entropy::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    files_api::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    rendering_api::add_to_linker::<_, HasSelf<State>>(&mut renderer, |state| state)?;
    Ok(Linkers {
        renderer,
        validator,
        notifier,
        health_checker,
    })
}

impl types::Host for State {
    fn convert_refusal(&mut self, halt: Halt) -> wasmtime::Result<types::Refusal> {
        match halt {
            Halt::Answer(refusal) => Ok(refusal),
            Halt::End(error) => Err(error),
        }
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log(LogLine { level, message, fields })
    }
}

impl entropy::Host for State {
    fn next(&mut self) -> wasmtime::Result<u64> {
        self.next_word()
    }

    fn fork(&mut self, label: String) -> wasmtime::Result<()> {
        self.fork(label)
    }
}
