//! The generated adapter that answers `wasi_snapshot_preview1` inside the component.
//!
//! Go's runtime asks WASI for arguments, clocks, randomness and files. Answered here, none of it reaches the host, so
//! a plugin's imports are exactly the interfaces of its world, and its garbage collector may ask for the clock
//! while the host lowers an argument, when any real import traps.
//!
//! | asked for | answer |
//! |---|---|
//! | arguments | one, `plugin` (klog and flag want an `argv[0]`); no environment |
//! | clocks | inside: monotonic goes 1 µs a question and jumps over sleeps; real time is what `set_realtime` said |
//! | randomness | `windlass:plugin/entropy` |
//! | standard output, error | `windlass:plugin/log`, as `info` and `error`, piece by piece; bytes that aren't UTF-8 are left out |
//! | files, anything else | refused |

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wasmparser::{FuncType, Parser, Payload, TypeRef, ValType};
use windlass_core::plugin::CONTRACT;

/// The module name that the adapter stands for.
pub const WASI: &str = "wasi_snapshot_preview1";

/// Real time before `set_realtime`: 2026-01-01T00:00:00Z in nanoseconds. Some fixed time: a build never sees the clock.
const FIRST_REALTIME: i64 = 1_767_225_600_000_000_000;

/// Why there is no adapter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler's output is no valid module.
    #[error("the compiler's output isn't a valid core module")]
    Module {
        /// Why.
        #[from]
        source: wasmparser::BinaryReaderError,
    },
    /// The generated text is wrong: a defect of this crate.
    #[error("the generated WASI adapter isn't valid")]
    Generated {
        /// Why.
        #[from]
        source: wat::Error,
    },
}

/// The adapter for `core`, a module; nothing when `core` imports no WASI.
///
/// # Errors
/// `core` is no module.
pub fn generate(core: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let wanted = wasi_imports(core)?;
    if wanted.is_empty() {
        return Ok(None);
    }
    Ok(Some(wat::parse_str(text(&wanted))?))
}

/// The functions that `core` wants of WASI, by name.
fn wasi_imports(core: &[u8]) -> Result<BTreeMap<String, FuncType>, Error> {
    let mut types = Vec::new();
    let mut wanted = BTreeMap::new();
    for payload in Parser::new(0).parse_all(core) {
        match payload? {
            Payload::TypeSection(section) => {
                for kind in section.into_iter_err_on_gc_types() {
                    types.push(kind?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let (WASI, TypeRef::Func(index)) = (import.module, import.ty)
                        && let Some(kind) = types.get(index as usize)
                    {
                        wanted.insert(import.name.to_owned(), kind.clone());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(wanted)
}

fn text(wanted: &BTreeMap<String, FuncType>) -> String {
    let mut text = format!(
        r#"(module
(import "env" "memory" (memory 0))
(import "windlass:plugin/entropy@{CONTRACT}" "next" (func $next (result i64)))
(import "windlass:plugin/log@{CONTRACT}" "write" (func $log (param i32 i32 i32 i32 i32)))
(global $monotonic (mut i64) (i64.const 1000000000))
(global $realtime (mut i64) (i64.const {FIRST_REALTIME}))
{HELPERS}
"#
    );
    for (name, kind) in wanted {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "(func (export \"{name}\") {} {})",
            signature(kind),
            body(name, kind)
        );
    }
    text.push(')');
    text
}

fn signature(kind: &FuncType) -> String {
    let list = |word: &str, types: &[ValType]| {
        let names: Vec<&str> = types.iter().copied().map(type_name).collect();
        if names.is_empty() {
            String::new()
        } else {
            format!("({word} {})", names.join(" "))
        }
    };
    format!("{} {}", list("param", kind.params()), list("result", kind.results()))
}

const fn type_name(kind: ValType) -> &'static str {
    match kind {
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        // WASI knows no vectors or references.
        ValType::I32 | ValType::V128 | ValType::Ref(_) => "i32",
    }
}

/// What a function answers. 8 is EBADF, 52 ENOSYS.
fn body(name: &str, kind: &FuncType) -> &'static str {
    match name {
        "args_sizes_get" => ARGS_SIZES_GET,
        "args_get" => ARGS_GET,
        "environ_sizes_get" => ENVIRON_SIZES_GET,
        "environ_get" | "sched_yield" => "(i32.const 0)",
        "clock_time_get" => CLOCK_TIME_GET,
        "set_realtime" => "(global.set $realtime (local.get 0))",
        "random_get" => RANDOM_GET,
        "fd_write" => FD_WRITE,
        "poll_oneoff" => POLL_ONEOFF,
        "fd_prestat_get" | "fd_fdstat_get" | "fd_close" | "fd_read" => "(i32.const 8)",
        "proc_exit" => "unreachable",
        _ if kind.results() == [ValType::I32] => "(i32.const 52)",
        _ if kind.results().is_empty() => "",
        _ => "unreachable",
    }
}

const ARGS_SIZES_GET: &str =
    "(i32.store (local.get 0) (i32.const 1)) (i32.store (local.get 1) (i32.const 7)) (i32.const 0)";
/// The text is `plugin` and a NUL.
const ARGS_GET: &str = "(i32.store (local.get 0) (local.get 1))
  (i32.store (local.get 1) (i32.const 0x67756c70)) (i32.store16 offset=4 (local.get 1) (i32.const 0x6e69))
  (i32.store8 offset=6 (local.get 1) (i32.const 0)) (i32.const 0)";
const ENVIRON_SIZES_GET: &str =
    "(i32.store (local.get 0) (i32.const 0)) (i32.store (local.get 1) (i32.const 0)) (i32.const 0)";
/// Clock 0 is real time. The others advance, so that no loop waits for time to pass.
const CLOCK_TIME_GET: &str = "(global.set $monotonic (i64.add (global.get $monotonic) (i64.const 1000)))
  (i64.store (local.get 2)
    (if (result i64) (local.get 0) (then (global.get $monotonic)) (else (global.get $realtime))))
  (i32.const 0)";
/// Eight bytes of the host's stream at a time.
const RANDOM_GET: &str = "(local $bits i64)
  (block $tail (loop $whole
    (br_if $tail (i32.lt_u (local.get 1) (i32.const 8)))
    (i64.store (local.get 0) (call $next))
    (local.set 0 (i32.add (local.get 0) (i32.const 8)))
    (local.set 1 (i32.sub (local.get 1) (i32.const 8)))
    (br $whole)))
  (if (local.get 1) (then
    (local.set $bits (call $next))
    (loop $byte
      (i64.store8 (local.get 0) (local.get $bits))
      (local.set $bits (i64.shr_u (local.get $bits) (i64.const 8)))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
      (br_if $byte (local.get 1)))))
  (i32.const 0)";
/// Standard output becomes level 1 (`info`), standard error level 3 (`error`): the text of a fatal error
/// comes before its trap.
const FD_WRITE: &str = "(local $level i32) (local $written i32)
  (if (i32.eq (local.get 0) (i32.const 1)) (then (local.set $level (i32.const 1)))
  (else (if (i32.eq (local.get 0) (i32.const 2)) (then (local.set $level (i32.const 3)))
  (else (return (i32.const 8))))))
  (block $done (loop $vector
    (br_if $done (i32.eqz (local.get 2)))
    (call $write (local.get $level) (i32.load (local.get 1)) (i32.load offset=4 (local.get 1)))
    (local.set $written (i32.add (local.get $written) (i32.load offset=4 (local.get 1))))
    (local.set 1 (i32.add (local.get 1) (i32.const 8)))
    (local.set 2 (i32.sub (local.get 2) (i32.const 1)))
    (br $vector)))
  (i32.store (local.get 3) (local.get $written))
  (i32.const 0)";
/// The first subscription is ready at once; when it waits for a clock, that much time has passed.
/// Fields: tag at 8 (0 = clock), timeout at 24, flags at 40 (1 = absolute).
const POLL_ONEOFF: &str = "(global.set $monotonic (i64.add (global.get $monotonic) (i64.const 1000)))
  (if (i32.eqz (i32.load8_u offset=8 (local.get 0))) (then
    (if (i32.and (i32.load16_u offset=40 (local.get 0)) (i32.const 1))
      (then (if (i64.gt_u (i64.load offset=24 (local.get 0)) (global.get $monotonic))
        (then (global.set $monotonic (i64.load offset=24 (local.get 0))))))
      (else (global.set $monotonic (i64.add (global.get $monotonic) (i64.load offset=24 (local.get 0))))))))
  (i64.store (local.get 1) (i64.load (local.get 0)))
  (i64.store offset=8 (local.get 1) (i64.const 0))
  (i32.store8 offset=10 (local.get 1) (i32.load8_u offset=8 (local.get 0)))
  (i32.store (local.get 3) (i32.const 1))
  (i32.const 0)";

/// A string argument that isn't UTF-8 is a trap, and a runtime may cut a character in two: only well-formed
/// runs are passed on. `$char` is the length of the character at `$at`, 0 when there is none in `$left` bytes.
const HELPERS: &str = "
(func $continues (param $at i32) (param $low i32) (param $high i32) (result i32)
  (i32.and
    (i32.ge_u (i32.load8_u (local.get $at)) (local.get $low))
    (i32.le_u (i32.load8_u (local.get $at)) (local.get $high))))
(func $char (param $at i32) (param $left i32) (result i32)
  (local $first i32) (local $length i32) (local $low i32) (local $high i32)
  (local.set $first (i32.load8_u (local.get $at)))
  (if (i32.lt_u (local.get $first) (i32.const 0x80)) (then (return (i32.const 1))))
  (if (i32.or (i32.lt_u (local.get $first) (i32.const 0xc2)) (i32.gt_u (local.get $first) (i32.const 0xf4)))
    (then (return (i32.const 0))))
  (local.set $length (i32.add (i32.const 2) (i32.add
    (i32.ge_u (local.get $first) (i32.const 0xe0)) (i32.ge_u (local.get $first) (i32.const 0xf0)))))
  (if (i32.gt_u (local.get $length) (local.get $left)) (then (return (i32.const 0))))
  (local.set $low (i32.const 0x80))
  (local.set $high (i32.const 0xbf))
  (if (i32.eq (local.get $first) (i32.const 0xe0)) (then (local.set $low (i32.const 0xa0))))
  (if (i32.eq (local.get $first) (i32.const 0xed)) (then (local.set $high (i32.const 0x9f))))
  (if (i32.eq (local.get $first) (i32.const 0xf0)) (then (local.set $low (i32.const 0x90))))
  (if (i32.eq (local.get $first) (i32.const 0xf4)) (then (local.set $high (i32.const 0x8f))))
  (if (i32.eqz (call $continues (i32.add (local.get $at) (i32.const 1)) (local.get $low) (local.get $high)))
    (then (return (i32.const 0))))
  (if (i32.ge_u (local.get $length) (i32.const 3)) (then
    (if (i32.eqz (call $continues (i32.add (local.get $at) (i32.const 2)) (i32.const 0x80) (i32.const 0xbf)))
      (then (return (i32.const 0))))))
  (if (i32.eq (local.get $length) (i32.const 4)) (then
    (if (i32.eqz (call $continues (i32.add (local.get $at) (i32.const 3)) (i32.const 0x80) (i32.const 0xbf)))
      (then (return (i32.const 0))))))
  (local.get $length))
(func $flush (param $level i32) (param $from i32) (param $to i32)
  (if (i32.lt_u (local.get $from) (local.get $to)) (then
    (call $log (local.get $level) (local.get $from) (i32.sub (local.get $to) (local.get $from))
      (i32.const 0) (i32.const 0)))))
(func $write (param $level i32) (param $at i32) (param $left i32)
  (local $from i32) (local $length i32)
  (local.set $from (local.get $at))
  (block $done (loop $next_char
    (br_if $done (i32.eqz (local.get $left)))
    (local.set $length (call $char (local.get $at) (local.get $left)))
    (if (i32.eqz (local.get $length)) (then
      (call $flush (local.get $level) (local.get $from) (local.get $at))
      (local.set $length (i32.const 1))
      (local.set $from (i32.add (local.get $at) (i32.const 1)))))
    (local.set $at (i32.add (local.get $at) (local.get $length)))
    (local.set $left (i32.sub (local.get $left) (local.get $length)))
    (br $next_char)))
  (call $flush (local.get $level) (local.get $from) (local.get $at)))";

#[cfg(test)]
mod tests;
