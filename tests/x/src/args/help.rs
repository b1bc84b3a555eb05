//! What `--help` prints.

/// What `cargo x` alone prints.
pub(crate) const OVERVIEW: &str = "\
Tasks of this workspace. They install or build what they lack, and say so.

Usage: cargo x TASK [--help]

Tasks:
  demo      watch Windlass serve a small git repository: four apps, three commits
  test      every check and every test; what CI runs
  plugins   build the WebAssembly plugins that changed
  lint      formatting, Clippy and documentation
  bench     what Windlass costs, as ratios of one run
  diff-native
            the sandboxed renderers against the native tools, over any folder
  fuzz      every parser fed with bytes that nobody meant
  image     the engine and its plugins as a container image, without a container engine
  cluster   a Kubernetes API server on this machine, for tests and people

Environment:
  CARGO_TARGET_DIR   where builds go (default: target)
  WINDLASS_CACHE     what outlives a clone: compiled plugins, test oracles, Kubernetes' servers (default: ~/.cache/windlass)";

pub(super) const DEMO: &str = "\
Makes a git repository with four apps (a Helm chart, a Kustomize overlay, Jsonnet, plain YAML), runs
`windlass run` on it with a folder as the target, and pushes three commits: a good change, a broken
YAML, a rollback. Every stage is checked. On a terminal, `windlass run` then goes on: push your own.

Usage: cargo x demo [--once]

Options:
  --once    end after the script: exit 0 if every stage showed what it should, 1 otherwise";

pub(super) const TEST: &str = "\
Runs every check and every test: formatting, build, plugins, Clippy, documentation, Go and Rust tests.
It goes on after a failure where that tells more. The last line is `N passed, N failed`; a check that
failed counts as one. Exit 0 if nothing failed, 1 otherwise.

Usage: cargo x test";

pub(super) const PLUGINS: &str = "\
Builds the plugins of plugins/ whose inputs changed, to target/plugins/NAME.wasm.

Usage: cargo x plugins [--only NAME]... [--with-guests]

Options:
  --only NAME      this plugin or test guest; may be repeated
  --with-guests    also what only tests run: the guests of tests/guests/, to target/plugins/guests/NAME.wasm, and
                   plugins in Go without a snapshot, to target/plugins/guests/unsnapshotted/NAME.wasm";

pub(super) const LINT: &str = "\
Checks formatting (rustfmt, gofmt), Clippy and `go vet` without warnings, and the documentation.

Usage: cargo x lint";

pub(super) const BENCH: &str = "\
Builds and runs the benchmark (tests/bench).

Usage: cargo x bench [-- ARGUMENT...]

Arguments:
  --write        keep what was measured in tests/bench/REPORT.md
  --quick        show that everything works; its figures are worth nothing
  --only PART    measure this part; may be repeated
  --with-flux    beside Flux too, in the part `cluster`; its controllers are built from Go modules, the first time in ten
                 minutes of a processor, and an app of Flux is corrected at an interval of ten minutes: it takes long";

pub(super) const DIFF_NATIVE: &str = "\
Renders every chart, chart archive, kustomization and Jsonnet file at or below DIR through the sandboxed
plugins and through the native tools of the same versions, and prints a table: equal, both fail, differs.
A chart is also rendered with each of its `ci/*-values.yaml`; the charts in its `charts/` are no cases of
their own. Without DIR: tests/cases, and the test data of Helm itself. Exit 1 when something differs that
is no named exception (tests/cases/exceptions.json).

Usage: cargo x diff-native [DIR] [--verbose]

Options:
  --verbose    also how cases differ, and what both sides say of those that fail";

pub(super) const FUZZ: &str = "\
Runs the fuzz targets of tests/fuzz with libFuzzer, one after the other. It needs a C++ compiler, and no
nightly Rust. What is found is written to target/fuzz/finds; exit 1 then. `cargo x test` replays all seeds.

Usage: cargo x fuzz [--seconds N] [--only TARGET]...

Options:
  --seconds N      for each target (default: 20)
  --only TARGET    this target; may be repeated. `cargo run -p windlass-fuzz --bin windlass-fuzz` lists them";

pub(super) const IMAGE: &str = "\
Builds the engine and its plugins, and makes an OCI image layout of them, with the C library, `ssh` and the
authorities' certificates of this machine. The program is built as tests and demo have it, and stripped of what
only debuggers read. The same inputs give the same bytes. No container engine is needed; to push it:
skopeo copy oci:target/image docker://REGISTRY/windlass:TAG

Usage: cargo x image [--out DIR] [--tree]

Options:
  --out DIR    instead of target/image; what is there of an older image is replaced
  --tree       the files themselves instead of a layout: what engine/Containerfile copies";

pub(super) const CLUSTER: &str = "\
Runs a Kubernetes control plane on free ports of 127.0.0.1: etcd, kube-apiserver, kube-controller-manager, and
a node that is played, so that pods become ready. Its data is in memory where there is room, and goes with it.
The first time, the servers are built from Go modules: twenty minutes of a processor. Then it takes seconds.

Usage: cargo x cluster up [--name NAME] [--audit]
       cargo x cluster env [--name NAME]
       cargo x cluster status
       cargo x cluster down [--name NAME | --all]

Commands:
  up        start it, and return when it is ready; several stand side by side under names of their own
  env       print the line that points kubectl at it: eval \"$(cargo x cluster env)\"
  status    what runs, with processes and memory
  down      end it, and remove its data

Options:
  --name NAME      lower case letters, digits and `-` (default: dev)
  --audit          note every request in audit.log, in the folder of the kubeconfig
  --all            all that this workspace started";
