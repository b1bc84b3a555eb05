//! What a worker can't do, by trying it and by the kernel's word.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
    process::Command,
};

use tempfile::TempDir;
use windlass_host::{
    CallError, CallLimits, Cancel, Host, HostFailure, HostOptions, LoadError, LoadOptions, WorkerCommand,
};

use super::{Memory, Probe, component, request};
use crate::sandbox;

/// Everything the intruder is told to go for, all of it really there.
struct Prey {
    dir: TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
    _socket: UnixListener,
    _named: UnixListener,
    name: String,
}

impl Prey {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), "secret").unwrap();
        // One number for both, so that one argument tells it.
        let (tcp, udp) = (0..50)
            .find_map(|_| {
                let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
                UdpSocket::bind(tcp.local_addr().unwrap()).ok().map(|udp| (tcp, udp))
            })
            .unwrap();
        let name = format!("windlass-{}-{}", std::process::id(), tcp.local_addr().unwrap().port());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self {
            _socket: UnixListener::bind(dir.path().join("socket")).unwrap(),
            _named: UnixListener::bind_addr(&address).unwrap(),
            dir,
            tcp,
            udp,
            name,
        }
    }

    fn arguments(&self, mode: &str) -> Vec<String> {
        let file = |name: &str| self.dir.path().join(name).display().to_string();
        vec![
            mode.to_owned(),
            file("token"),
            file("cache"),
            self.tcp.local_addr().unwrap().port().to_string(),
            file("socket"),
            self.name.clone(),
            std::process::id().to_string(),
        ]
    }

    /// A host whose workers have the intruder inside.
    fn infested(&self) -> Host {
        host(
            &self.dir.path().join("cache"),
            env!("CARGO_BIN_EXE_walls"),
            self.arguments("worker"),
        )
    }

    fn is_untouched(&self) {
        assert_eq!(fs::read(self.dir.path().join("token")).unwrap(), b"secret");
        assert!(!self.dir.path().join("token-was-here").exists());
        self.tcp.set_nonblocking(true).unwrap();
        assert!(self.tcp.accept().is_err());
        self.udp.set_nonblocking(true).unwrap();
        assert!(self.udp.recv(&mut [0; 8]).is_err());
    }
}

fn host(cache: &Path, program: &str, arguments: Vec<String>) -> Host {
    let options = HostOptions {
        cache_dir: cache.to_owned(),
        worker: WorkerCommand {
            program: program.into(),
            arguments,
        },
        workers: 1,
    };
    Host::new(options).unwrap()
}

/// The intruder's table: every attempt refused, every control allowed. Lines are attempt, outcome and error number.
fn check(title: &str, table: &str, missing: &BTreeSet<&str>) -> usize {
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| row.len() == 3).collect();
    let mut report = format!("{title}\n");
    let mut wrong = Vec::new();
    for row in &rows {
        let (what, succeeded, why) = (row[0], row[1] == "true", row[2]);
        let control = what.starts_with("control: ");
        let told = match (succeeded, why) {
            (true, _) => "ALLOWED".to_owned(),
            (false, "") => "refused".to_owned(),
            (false, number) => format!("refused, error {number}"),
        };
        report.push_str(&format!("  {what:55} {told}\n"));
        if control != succeeded && !missing.contains(what) {
            wrong.push(what);
        }
    }
    #[expect(clippy::print_stdout, reason = "the table is what a reader of the test wants to see")]
    {
        println!("{report}");
    }
    assert!(wrong.is_empty(), "{wrong:?}\n{report}");
    rows.len()
}

#[test]
fn native_code_in_a_worker_reaches_nothing() {
    let prey = Prey::new();
    let cache = prey.dir.path().join("cache");
    let honest = host(&cache, sandbox::WINDLASS, vec!["worker".into()]);
    drop(
        honest
            .load_file(&component("guest-probe"), &LoadOptions::default())
            .unwrap(),
    );
    let infested = prey.infested();
    let plugin = infested
        .load_file(&component("guest-probe"), &LoadOptions::default())
        .unwrap();
    let request = request(Memory::of(&[("a", "1")]).tree(""));
    let outcome = infested.render(&plugin, &request, &CallLimits::default(), &Cancel::default());
    let Err(CallError::Host {
        source: HostFailure::WorkerDied { stderr, .. },
        ..
    }) = outcome.result
    else {
        panic!("{:?}", outcome.result)
    };
    let attempts = check("native code in a worker that runs plugins", &stderr, &BTreeSet::new());
    assert!(attempts > 80, "{attempts} attempts: {stderr}");
    prey.is_untouched();
}

#[test]
fn native_code_in_a_compiling_worker_reaches_nothing() {
    let prey = Prey::new();
    let error = prey
        .infested()
        .load_file(&component("guest-probe"), &LoadOptions::default())
        .unwrap_err();
    let LoadError::CompilerDied { stderr, .. } = &error else {
        panic!("{error:?}")
    };
    let attempts = check("native code in a worker that compiles", stderr, &BTreeSet::new());
    assert!(attempts > 80, "{attempts} attempts: {stderr}");
    prey.is_untouched();
}

/// What the other walls refuse when the filter of system calls is not there.
#[test]
fn the_other_walls_stand_alone() {
    let prey = Prey::new();
    fs::create_dir(prey.dir.path().join("cache")).unwrap();
    fs::write(prey.dir.path().join("cache/key"), "key").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_walls"))
        .args(prey.arguments("landlock"))
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    if text.starts_with("landlock stands\tfalse") {
        let lacks = "this kernel lacks landlock: only seccomp keeps a worker from files, and it was tested";
        #[expect(clippy::print_stdout, reason = "a gated test says what it lacks")]
        {
            println!("{lacks}");
        }
        return;
    }
    let text = text.replace("landlock stands", "control: landlock stands");
    let attempts = check(
        "native code behind landlock and without privileges",
        &text,
        &BTreeSet::new(),
    );
    assert!(attempts > 20, "{attempts} attempts: {text}");
    prey.is_untouched();
}

#[test]
fn a_worker_of_the_engine_stands_behind_all_walls() {
    let probe = Probe::new();
    probe.assert_alive();
    for pid in probe.host.idle_workers() {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        assert_eq!(field("Seccomp"), "2");
        assert_eq!(field("NoNewPrivs"), "1");
        assert_eq!(field("CapEff"), "0000000000000000");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(limit("Max core file size").contains(" 0 "), "{limits}");
        assert!(!limit("Max data size").contains("unlimited"), "{limits}");
        // Readable for root only, since the worker is not dumpable; the engine's user sees nothing at all.
        if let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) {
            assert_eq!(environment, b"");
        }
    }
}

#[test]
fn a_worker_started_by_hand_says_what_it_is_for() {
    let output = Command::new(crate::sandbox::WINDLASS)
        .arg("worker")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("started by windlass itself"), "{text}");
}
