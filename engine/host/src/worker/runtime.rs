//! The one wasmtime configuration, of compiling and running workers alike.

use std::hash::{Hash as _, Hasher};

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, Engine};
use windlass_core::digest::Digest;

use super::WorkerError;
use crate::limits;

/// Snapshots of Go plugins are 20 MB of heap, sparse; mapping them copy-on-write is what makes a fresh instance cheap.
const DENSE_IMAGE_BYTES: u64 = 128 << 20;

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits::WASM_STACK)
        .async_stack_size(limits::WASM_STACK + (1 << 20))
        .memory_guaranteed_dense_image_size(DENSE_IMAGE_BYTES)
        // The same bytes on every machine: NaNs have one form, and what may differ by processor is off.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        // Not needed by any toolchain of ours; each is attack surface.
        .wasm_memory64(false)
        // Function names in a backtrace suffice; both tables would make artefacts a third larger.
        .generate_address_map(false)
        .native_unwind_info(false);
    config
}

pub(super) fn engine() -> Result<Engine, WorkerError> {
    Engine::new(&config()).map_err(|error| WorkerError::Runtime {
        message: format!("{error:#}"),
    })
}

/// Identity of everything that decides compiled code beside the component: wasmtime, its settings, the processor.
pub(crate) fn compatibility() -> Result<Digest, WorkerError> {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine()?.precompile_compatibility_hash().hash(&mut hasher);
    Ok(Digest::from(<[u8; 32]>::from(hasher.0.finalize())))
}

struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for: the whole digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}
