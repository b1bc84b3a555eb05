//! One call: a fresh store, dropped afterwards.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use wasmtime::{Store, Trap, component::ResourceTableError};
use windlass_core::{digest::Digest, render};

use super::{
    WorkerError,
    artefact::Loaded,
    guest::convert,
    link::Link,
    panic_text,
    state::{Ended, SinkCounts, State, Usage, message_budget},
    watch::Watchdog,
};
use crate::{
    error::{Budget, BudgetKind},
    frame::FrameError,
    limits,
    protocol::{Call, Done, End, Json},
    weight,
};

/// What is kept of a backtrace: it goes to a debug log.
const BACKTRACE_BYTES: usize = 8 << 10;

/// Serves calls until the engine closes the connection.
pub(super) fn serve(mut link: Link, loaded: &[(Digest, Loaded)], watchdog: &Watchdog) -> Result<(), WorkerError> {
    loop {
        let call = link.next_call()?;
        let Some((_, plugin)) = loaded.iter().find(|(digest, _)| *digest == call.component) else {
            return Err(FrameError::Unexpected.into());
        };
        let mut store = Store::new(plugin.engine(), State::new(link, call.limits));
        let run = catch_unwind(AssertUnwindSafe(|| run(&mut store, plugin, &call, watchdog)));
        watchdog.disarm();
        let panicked = run.is_err();
        let (instantiate, end) = run.unwrap_or_else(|panic| {
            (
                Duration::ZERO,
                End::Broken {
                    message: panic_text(panic.as_ref()),
                },
            )
        });
        link = answer(store, instantiate, end)?;
        if panicked {
            return Err(WorkerError::Runtime {
                message: "a host function panicked".to_owned(),
            });
        }
    }
}

/// Says how a call ended, and gives its memory back. What is small is given back afterwards: the engine need not wait for it.
fn answer(mut store: Store<State>, instantiate: Duration, end: End) -> Result<Link, WorkerError> {
    let state = store.data_mut();
    if let Some(Ended::Link(error)) = state.ended.take() {
        return Err(error.into());
    }
    let Usage { peak_memory, .. } = state.usage;
    let SinkCounts {
        dropped_log_lines,
        dropped_diagnostics,
        ..
    } = state.sink;
    let done = |end| Done {
        end,
        instantiate,
        peak_memory,
        dropped_log_lines,
        dropped_diagnostics,
    };
    let send = |link: &mut Link| match link.done(done(end)) {
        // Escaped as JSON, an answer may take several times its bytes.
        Err(FrameError::TooLarge { .. }) => link.done(done(too_large())),
        sent => sent,
    };
    if peak_memory <= limits::FREED_AFTERWARDS {
        send(&mut state.link)?;
        return Ok(store.into_data().link);
    }
    let mut link = store.into_data().link;
    send(&mut link)?;
    Ok(link)
}

fn run(store: &mut Store<State>, plugin: &Loaded, call: &Call, watchdog: &Watchdog) -> (Duration, End) {
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits::HOSTCALL_BYTES);
    store.set_max_component_handles(call.limits.handles);
    store.set_epoch_deadline(1);
    watchdog.arm(call.limits.time);
    let start = Instant::now();
    let instance = match plugin.instantiate(store) {
        Ok(instance) => instance,
        Err(error) => return (start.elapsed(), trap(store.data_mut(), &error)),
    };
    let instantiate = start.elapsed();
    let end = match instance.call(store) {
        Ok(Ok(())) => End::Ok,
        Ok(Err(failure)) => failed(convert::failure(failure, call.limits.diagnostics)),
        Err(error) => trap(store.data_mut(), &error),
    };
    (instantiate, end)
}

/// The plugin's answer, unless it is too large to be one.
fn failed(failure: render::Failure) -> End {
    if weight::failure(&failure) > limits::MESSAGE_BYTES {
        too_large()
    } else {
        End::Failure(Json(failure))
    }
}

fn too_large() -> End {
    let budget = message_budget();
    End::Trap {
        budget: Some(budget),
        message: budget.to_string(),
        backtrace: String::new(),
    }
}

/// The cause of a trap: what a host function noted first, then the runtime's word, then a growth that was refused.
fn trap(state: &mut State, error: &wasmtime::Error) -> End {
    let budget = match state.ended.take() {
        Some(Ended::Engine) => return End::Stopped,
        Some(Ended::Budget(budget)) => Some(budget),
        Some(link @ Ended::Link(_)) => {
            state.ended = Some(link);
            return End::Stopped;
        }
        None => budget_of(state, error),
    };
    let mut backtrace = format!("{error:?}");
    backtrace.truncate(backtrace.floor_char_boundary(BACKTRACE_BYTES));
    End::Trap {
        budget,
        message: error.root_cause().to_string(),
        backtrace,
    }
}

fn budget_of(state: &State, error: &wasmtime::Error) -> Option<Budget> {
    let handles = Budget::new(BudgetKind::Handles, state.limits.handles as u64);
    let text = error.root_cause().to_string();
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return Some(Budget::time(state.limits.time)),
        Some(Trap::StackOverflow) => return Some(Budget::new(BudgetKind::Stack, limits::WASM_STACK as u64)),
        Some(Trap::MemoryOutOfBounds) if fell_off_its_stack(error) => {
            return Some(Budget::new(BudgetKind::OwnStack, 0));
        }
        _ => {}
    }
    if matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) || text.contains("store handle limit exceeded")
    {
        return Some(handles);
    }
    if text.contains("resource limit exceeded") {
        return Some(Budget::new(BudgetKind::Instances, limits::INSTANCES as u64));
    }
    if text.contains("fuel allocated for hostcalls") {
        return Some(Budget::new(BudgetKind::HostCall, limits::HOSTCALL_BYTES as u64));
    }
    state.usage.refused
}

/// Compilers put a guest's own stack at the start of its memory, growing down: beyond its end, addresses wrap around to
/// the last of 4 GiB. The runtime keeps the address in its text alone.
fn fell_off_its_stack(error: &wasmtime::Error) -> bool {
    const LAST_MEGABYTE: u64 = 0xfff0_0000;
    let text = format!("{error:#}");
    let address = text.split_once("memory fault at wasm address 0x").map(|(_, rest)| {
        let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        u64::from_str_radix(&rest[..digits], 16).unwrap_or(0)
    });
    address.is_some_and(|address| address >= LAST_MEGABYTE)
}
