//! Compiles one component, then ends: what a hostile component does to the compiler dies with the process.

use std::{
    fs::File,
    io::Write as _,
    os::{fd::AsFd as _, unix::net::UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{WorkerError, panic_text, runtime, watch};
use crate::{
    frame,
    protocol::{Compiled, Ready},
    sandbox::{self, Duty},
};

/// Renders go before: a compilation leaves them three quarters of a core.
const NICE: i32 = 5;

/// What one compilation may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) memory: u64,
    pub(super) processor_seconds: u64,
    pub(super) artefact_bytes: u64,
}

pub(super) fn serve(
    socket: &UnixStream,
    component: &[u8],
    limits: Limits,
    inside: fn(Duty),
) -> Result<(), WorkerError> {
    let file = File::from(frame::receive_descriptor(socket.as_fd())?);
    let engine = runtime::engine()?;
    let _ = rustix::process::nice(NICE);
    sandbox::limit_processor(limits.processor_seconds);
    let walls = sandbox::enter(limits.memory);
    watch::parent(socket)?;
    let walls = sandbox::close(walls, Duty::Compile);
    frame::write(
        &mut &*socket,
        &Ready {
            walls,
            refused: Vec::new(),
        },
        &[],
    )?;
    inside(Duty::Compile);
    let compiled = catch_unwind(AssertUnwindSafe(|| {
        compile(&engine, component, file, limits.artefact_bytes)
    }));
    let compiled = compiled.unwrap_or_else(|panic| Compiled::Panicked {
        message: panic_text(panic.as_ref()),
    });
    frame::write(&mut &*socket, &compiled, &[])?;
    Ok(())
}

fn compile(engine: &wasmtime::Engine, component: &[u8], mut file: File, limit: u64) -> Compiled {
    let artefact = match engine.precompile_component(component) {
        Ok(artefact) => artefact,
        Err(error) => {
            return Compiled::Invalid {
                message: format!("{error:#}"),
            };
        }
    };
    let bytes = artefact.len() as u64;
    if bytes > limit {
        return Compiled::Invalid {
            message: format!("it compiles to {bytes} bytes, more than {limit}"),
        };
    }
    match file.write_all(&artefact) {
        Ok(()) => Compiled::Written { bytes },
        Err(error) => Compiled::Failed {
            message: format!("the compiled code can't be written: {error}"),
        },
    }
}
