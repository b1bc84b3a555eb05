//! One app with very many objects.

use std::{
    fmt::Write as _,
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use windlass_tests::cluster::by_verb;

use super::stage::Stage;
use crate::sandbox::Synced;

/// What a run cost.
struct Cost {
    synced: Synced,
    took: Duration,
    /// Largest resident set of the engine, in kB.
    peak: u64,
    requests: Vec<(String, usize)>,
}

fn objects(count: usize, value: &str) -> String {
    let mut text = String::new();
    for index in 0..count {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{index}}}\ndata: {{value: \"{value}\"}}\n"
        );
    }
    text
}

fn commit(stage: &Stage, count: usize, value: &str) {
    // Files of a size that people write.
    let all = objects(count, value);
    let documents: Vec<&str> = all.split_inclusive("---\n").filter(|text| *text != "---\n").collect();
    let files: Vec<(String, String)> = documents
        .chunks(500)
        .enumerate()
        .map(|(index, chunk)| (format!("a/maps-{index}.yaml"), chunk.concat()))
        .collect();
    let files: Vec<(&str, Option<&str>)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    stage.commit(&files);
}

fn measured(stage: &Stage) -> Cost {
    let mut audit = stage.server.audit().unwrap();
    let begun = Instant::now();
    let child = stage
        .command("windlass.yaml", &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watched = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
            thread::sleep(Duration::from_millis(50));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    let mut requests = audit.requests().unwrap();
    requests.retain(|request| request.agent.starts_with("windlass/") && request.resource == "configmaps");
    requests.retain(|request| request.namespace.is_empty() || request.namespace == stage.namespace);
    Cost {
        synced: Synced::of(&output),
        took,
        peak: watched.join().unwrap(),
        requests: by_verb(&requests).into_iter().collect(),
    }
}

/// Creates, changes nothing, changes all, and deletes all but one.
fn live_through(count: usize) {
    let stage = Stage::new("many");
    stage.apps(&[("a", "  prune: {maxPercent: 100}\n")]);
    commit(&stage, count, "1");
    let whole = u64::try_from(count).unwrap();
    let mut lines = Vec::new();
    let mut step = |name: &str, expected: [u64; 5], writes: (&str, usize)| {
        let cost = measured(&stage);
        assert_eq!(
            (cost.synced.code, cost.synced.counts("a")),
            (Some(0), expected),
            "{name}"
        );
        let made: usize = cost
            .requests
            .iter()
            .filter(|(verb, _)| {
                ["patch", "create", "update", "delete"]
                    .iter()
                    .any(|write| verb.starts_with(write))
            })
            .map(|(_, count)| *count)
            .sum();
        assert_eq!(made, writes.1, "{name}: {} {:?}", writes.0, cost.requests);
        lines.push(format!(
            "{name}: {:?}, {} MB, {:?}",
            cost.took,
            cost.peak / 1024,
            cost.requests
        ));
        assert!(cost.took < Duration::from_secs(60 + whole / 20), "{lines:?}");
        assert!(cost.peak < 600 * 1024, "{lines:?}");
    };
    step("create", [whole, 0, 0, 0, 0], ("patch", count));
    step("nothing", [0, 0, whole, 0, 0], ("none", 0));
    commit(&stage, count, "2");
    step("change", [0, whole, 0, 0, 0], ("patch", count));
    for file in 0..count.div_ceil(500) {
        stage.commit(&[(&format!("a/maps-{file}.yaml"), None)]);
    }
    stage.commit(&[("a/one.yaml", Some(&objects(1, "2")))]);
    step("prune", [0, 0, 1, whole - 1, 0], ("delete", count - 1));
    #[expect(clippy::print_stdout, reason = "figures, for `--nocapture`")]
    {
        println!("{count} objects\n{}", lines.join("\n"));
    }
    assert_eq!(stage.owned("a"), ["map-0"]);
}

#[test]
fn two_thousand_objects_of_one_app() {
    live_through(2_000);
}

/// Minutes: `it ownership::many --include-ignored --nocapture`.
#[test]
#[ignore = "takes minutes; two thousand show the same"]
fn twenty_thousand_objects_of_one_app() {
    live_through(20_000);
}
