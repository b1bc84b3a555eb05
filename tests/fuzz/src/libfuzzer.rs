//! libFuzzer's loop around the target that `WINDLASS_FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

use windlass_fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("WINDLASS_FUZZ_TARGET").unwrap_or_default();
    Target::find(&name).expect("WINDLASS_FUZZ_TARGET names no target; `windlass-fuzz` lists them")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
