//! The benchmark works: each part once, with as little work as it can do.

use std::process::Command;

#[test]
fn a_quick_run_measures_every_part() {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass-bench"))
        .arg("--quick")
        .output()
        .expect("the benchmark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    for part in [
        "render",
        "wall",
        "plugin weighs",
        "Git",
        "loop",
        "Memory",
        "Ten thousand",
        "1,000 apps of 4 objects",
        "whose health turns",
        "nothing happens",
        "many kinds",
        "created at once",
        "nothing happens to",
        "by the number of Apps",
        "is killed",
    ] {
        let title = text.lines().find(|line| line.starts_with("## ") && line.contains(part));
        assert!(title.is_some(), "no part `{part}` in {text}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| ")).count();
    // Parts on a real API server need its programs, which `cargo x test` builds.
    let least = if std::env::var_os("WINDLASS_CLUSTER_TOOLS").is_some() {
        70
    } else {
        30
    };
    assert!(rows > least, "{rows} rows: {text}");
}
