//! Runs a plugin's start-up work once, at build time, and freezes the memory that results.
//!
//! A fresh instance then costs about 0.1 ms, so that the host can take one per call.

use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};
use wasmtime::{Config, Engine, OptLevel, Store};
use wasmtime_wizer::Wizer;
use windlass_core::plugin::CONTRACT;

use crate::contract::WARM;

/// Wall time for start-up work, compiling aside: what takes longer on a slow machine is an endless loop.
const DEADLINE: Duration = Duration::from_secs(120);

/// Bytes of WebAssembly stack: start-up work may parse deeper than a call's default of 512 KiB.
const STACK: usize = 2 << 20;

/// Bytes of the fiber that holds that stack and the host's frames.
const FIBER: usize = 4 << 20;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run time can't be set up.
    #[error("can't set up the WebAssembly run time for the snapshot")]
    Engine {
        /// Why.
        source: wasmtime::Error,
    },
    /// `warm` failed, or asked the host for something.
    #[error("the plugin's start-up work failed, so there is no snapshot (`--no-snapshot` leaves it out){logged}")]
    Warm {
        /// What the plugin wrote to its log, with a heading; empty when nothing.
        logged: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What the host's two functions work on.
struct Host {
    seed: u64,
    draws: u64,
    logged: Vec<String>,
}

impl Host {
    /// The next 64 bits of a stream that depends on the seed alone.
    fn draw(&mut self) -> u64 {
        let block = Sha256::new()
            .chain_update(b"windlass-build snapshot")
            .chain_update(self.seed.to_le_bytes())
            .chain_update(self.draws.to_le_bytes())
            .finalize();
        self.draws += 1;
        block
            .iter()
            .take(8)
            .fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
    }
}

/// Runs `warm` of `component` and returns the component as it is afterwards.
///
/// # Errors
/// See [`Error`].
pub fn take(component: &[u8], seed: u64) -> Result<Vec<u8>, Error> {
    let engine = engine().map_err(|source| Error::Engine { source })?;
    let mut store = Store::new(
        &engine,
        Host {
            seed,
            draws: 0,
            logged: Vec::new(),
        },
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Error::Engine {
            source: wasmtime::Error::new(error),
        })?;
    store.set_epoch_deadline(1);
    let mut wizer = Wizer::new();
    wizer.init_func(WARM).keep_init_func(true);
    let run = wizer.run_component(&mut store, component, async |store, component| {
        let linker = linker(&engine, component)?;
        start_clock(&engine);
        linker.instantiate_async(store, component).await
    });
    match runtime.block_on(run) {
        Ok((bytes, _)) => Ok(bytes),
        Err(error) => Err(Error::Warm {
            logged: quote(&store.data().logged),
            source: error.into(),
        }),
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // Compiling takes longer than the one run, so quick code beats good code.
    config.cranelift_opt_level(OptLevel::None);
    // What is frozen must not depend on the machine that builds.
    config
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(FIBER);
    Engine::new(&config)
}

/// Ends the run after [`DEADLINE`]. The thread holds no engine alive and ends with the process.
fn start_clock(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        std::thread::sleep(DEADLINE);
        if let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
        }
    });
}

/// All that `component` imports: `entropy.next` and `log.write` work, anything else ends the run, for no
/// request exists yet.
fn linker(engine: &Engine, component: &Component) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let entropy = format!("windlass:plugin/entropy@{CONTRACT}");
    let log = format!("windlass:plugin/log@{CONTRACT}");
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        let mut target = linker.instance(interface)?;
        for (item, export) in instance.exports(engine) {
            match export.ty {
                ComponentItem::Resource(_) => {
                    target.resource(item, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) if interface == entropy && item == "next" => draw(&mut target, item)?,
                ComponentItem::ComponentFunc(_) if interface == log && item == "write" => record(&mut target, item)?,
                ComponentItem::ComponentFunc(_) => refuse(&mut target, interface, item)?,
                _ => {}
            }
        }
    }
    Ok(linker)
}

fn draw(target: &mut LinkerInstance<'_, Host>, item: &str) -> wasmtime::Result<()> {
    target.func_new(item, |mut store, _, _, results| {
        if let Some(result) = results.first_mut() {
            *result = Val::U64(store.data_mut().draw());
        }
        Ok(())
    })
}

fn record(target: &mut LinkerInstance<'_, Host>, item: &str) -> wasmtime::Result<()> {
    target.func_new(item, |mut store, _, arguments, _| {
        if let Some(Val::String(message)) = arguments.get(1) {
            store.data_mut().logged.push(message.clone());
        }
        Ok(())
    })
}

fn refuse(target: &mut LinkerInstance<'_, Host>, interface: &str, item: &str) -> wasmtime::Result<()> {
    let name = format!("{interface}#{item}");
    target.func_new(item, move |_, _, _, _| {
        wasmtime::bail!("`{WARM}` called `{name}`, but at build time there is no host yet: only log and random numbers")
    })
}

fn quote(logged: &[String]) -> String {
    if logged.is_empty() {
        String::new()
    } else {
        format!("; it said:\n{}", logged.concat().trim_end())
    }
}

#[cfg(test)]
mod tests;
