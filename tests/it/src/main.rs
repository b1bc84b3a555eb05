//! The `windlass` of this build, for tests: it runs the code under test, and the worker can execute itself.

fn main() -> std::process::ExitCode {
    windlass::main()
}
