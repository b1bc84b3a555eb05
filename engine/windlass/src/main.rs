//! The `windlass` program.

fn main() -> std::process::ExitCode {
    windlass::main()
}
