//! The adapter is run on its own, with a memory and recording stand-ins for the host's two functions.

use super::*;
use wasmtime::{Caller, Engine, Instance, Linker, Memory, MemoryType, Module, Store};

#[derive(Default)]
struct Host {
    memory: Option<Memory>,
    logged: Vec<(i32, Vec<u8>)>,
    draws: u64,
}

struct Adapter {
    store: Store<Host>,
    instance: Instance,
    memory: Memory,
}

const GO_LIKE: &str = r#"(module
(import "wasi_snapshot_preview1" "args_sizes_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_sizes_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "set_realtime" (func (param i64)))
(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "poll_oneoff" (func (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_prestat_get" (func (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
(import "windlass:plugin/log@0.1.0" "write" (func (param i32 i32 i32 i32 i32))))"#;

impl Adapter {
    fn new() -> Self {
        let adapter = generate(&wat::parse_str(GO_LIKE).unwrap()).unwrap().unwrap();
        wasmparser::Validator::new().validate_all(&adapter).unwrap();
        let engine = Engine::default();
        let mut store = Store::new(&engine, Host::default());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        store.data_mut().memory = Some(memory);
        let mut linker = Linker::new(&engine);
        linker.define(&store, "env", "memory", memory).unwrap();
        linker
            .func_wrap(
                "windlass:plugin/entropy@0.1.0",
                "next",
                |mut caller: Caller<'_, Host>| {
                    caller.data_mut().draws += 1;
                    0x0807_0605_0403_0201_u64 * caller.data().draws
                },
            )
            .unwrap();
        linker.func_wrap("windlass:plugin/log@0.1.0", "write", record).unwrap();
        let instance = linker
            .instantiate(&mut store, &Module::new(&engine, adapter).unwrap())
            .unwrap();
        Self {
            store,
            instance,
            memory,
        }
    }

    fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(&mut self, name: &str, params: P) -> R {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name).unwrap();
        function.call(&mut self.store, params).unwrap()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.memory.write(&mut self.store, at, bytes).unwrap();
    }

    fn get(&self, at: usize, len: usize) -> &[u8] {
        &self.memory.data(&self.store)[at..at + len]
    }

    fn clock(&mut self, id: i32) -> i64 {
        assert_eq!(self.call::<_, i32>("clock_time_get", (id, 0_i64, 64_i32)), 0);
        i64::from_le_bytes(self.get(64, 8).try_into().unwrap())
    }

    /// Writes `text` to `fd`; the answer is the error number.
    fn write(&mut self, fd: i32, text: &[u8]) -> i32 {
        self.put(1024, text);
        let len = u32::try_from(text.len()).unwrap();
        self.put(16, &[1024_u32.to_le_bytes(), len.to_le_bytes()].concat());
        self.call("fd_write", (fd, 16_i32, 1_i32, 32_i32))
    }
}

fn record(mut caller: Caller<'_, Host>, level: i32, at: u32, len: u32, fields: i32, count: i32) {
    assert_eq!((fields, count), (0, 0));
    let memory = caller.data().memory.unwrap();
    let text = memory.data(&caller)[at as usize..(at + len) as usize].to_vec();
    caller.data_mut().logged.push((level, text));
}

#[test]
fn a_module_without_wasi_needs_none() {
    assert!(generate(&wat::parse_str("(module)").unwrap()).unwrap().is_none());
}

#[test]
fn there_is_one_argument_and_no_environment() {
    let mut adapter = Adapter::new();
    adapter.call::<_, i32>("args_sizes_get", (0_i32, 4_i32));
    assert_eq!(adapter.get(0, 8), [1, 0, 0, 0, 7, 0, 0, 0]);
    adapter.put(100, b"........X");
    adapter.call::<_, i32>("args_get", (0_i32, 100_i32));
    assert_eq!(adapter.get(0, 4), [100, 0, 0, 0]);
    assert_eq!(adapter.get(100, 9), b"plugin\0.X");
    adapter.call::<_, i32>("environ_sizes_get", (0_i32, 4_i32));
    assert_eq!(adapter.get(0, 8), [0; 8]);
}

#[test]
fn real_time_is_what_was_set_and_monotonic_time_advances() {
    let mut adapter = Adapter::new();
    assert_eq!(adapter.clock(0), FIRST_REALTIME);
    adapter.call::<_, ()>("set_realtime", 5_i64);
    assert_eq!((adapter.clock(0), adapter.clock(0)), (5, 5));
    assert!(adapter.clock(1) < adapter.clock(1));
}

#[test]
fn a_sleep_takes_no_time_but_the_clock_has_moved_on() {
    let mut adapter = Adapter::new();
    let before = adapter.clock(1);
    adapter.put(200, &[7; 8]);
    adapter.put(224, &3_000_000_000_i64.to_le_bytes());
    assert_eq!(
        adapter.call::<_, i32>("poll_oneoff", (200_i32, 400_i32, 1_i32, 500_i32)),
        0
    );
    assert_eq!(
        (adapter.get(400, 8), adapter.get(500, 4)),
        (&[7; 8][..], &[1, 0, 0, 0][..])
    );
    assert!(adapter.clock(1) >= before + 3_000_000_000);
}

#[test]
fn randomness_is_the_hosts_stream_and_stays_in_its_buffer() {
    let mut adapter = Adapter::new();
    adapter.put(0, &[0xee; 32]);
    adapter.call::<_, i32>("random_get", (0_i32, 11_i32));
    assert_eq!(adapter.get(0, 12), [1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 6, 0xee]);
    assert_eq!(adapter.store.data().draws, 2);
}

#[test]
fn standard_error_and_output_become_log_lines() {
    let mut adapter = Adapter::new();
    assert_eq!(
        (adapter.write(2, b"fatal"), adapter.write(1, "grün €𝄞".as_bytes())),
        (0, 0)
    );
    assert_eq!(
        adapter.get(32, 4),
        u32::try_from("grün €𝄞".len()).unwrap().to_le_bytes()
    );
    assert_eq!(
        adapter.store.data().logged,
        [(3, b"fatal".to_vec()), (1, "grün €𝄞".as_bytes().to_vec())]
    );
    assert_eq!(adapter.write(7, b"x"), 8);
}

#[test]
fn bytes_that_are_not_utf8_never_reach_the_host() {
    let samples: [&[u8]; 9] = [
        b"a\xffb",
        b"\xc0\x80",
        b"x\xe2\x82",
        b"\xed\xa0\x80y",
        b"\xf4\x90\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xe0\x80\x80z",
        b"\x80\x80",
        b"\xf5",
    ];
    for sample in samples {
        let mut adapter = Adapter::new();
        adapter.write(2, sample);
        let kept: String = String::from_utf8_lossy(sample)
            .chars()
            .filter(|c| *c != '\u{fffd}')
            .collect();
        let logged = adapter
            .store
            .data()
            .logged
            .iter()
            .flat_map(|(_, text)| text.clone())
            .collect();
        assert_eq!(String::from_utf8(logged).unwrap(), kept, "{sample:?}");
    }
}

#[test]
fn files_are_refused() {
    let mut adapter = Adapter::new();
    assert_eq!(adapter.call::<_, i32>("fd_prestat_get", (3_i32, 0_i32)), 8);
    let open = (3_i32, 0_i32, 0_i32, 0_i32, 0_i32, 0_i64, 0_i64, 0_i32, 0_i32);
    assert_eq!(adapter.call::<_, i32>("path_open", open), 52);
}
