//! Figures of first-party plugins, for the bench's budgets. Run with `--ignored --nocapture`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use windlass_host::{CallLimits, Cancel, Host, HostOptions, LoadOptions, RenderRequest, Stats, WorkerCommand};

use super::{Memory, component, request};
use crate::sandbox;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn measure(host: &Host, name: &str, request: &RenderRequest, config: &Value) {
    let begin = Instant::now();
    let plugin = host.load_file(&component(name), &LoadOptions::default()).unwrap();
    let load = begin.elapsed();
    let request = RenderRequest {
        config: plugin.check_config(config).unwrap(),
        ..request.clone()
    };
    let mut stats: Vec<Stats> = Vec::new();
    for _ in 0..30 {
        let outcome = host.render(&plugin, &request, &CallLimits::default(), &Cancel::default());
        outcome.result.unwrap_or_else(|error| panic!("{name}: {error}"));
        stats.push(outcome.stats);
    }
    stats.sort_by_key(|s| s.wall);
    let (min, median, cold) = (&stats[0], &stats[15], stats.iter().filter(|s| s.cold).count());
    #[expect(clippy::print_stdout, reason = "figures are the point")]
    {
        println!(
            "{name}: load {:.2} s; render ms min {:.2} median {:.2}; instantiate ms min {:.3}; {} asks, {} KiB read, peak {} MiB, cold {cold}",
            load.as_secs_f64(),
            milliseconds(min.wall),
            milliseconds(median.wall),
            milliseconds(stats.iter().map(|s| s.instantiate).min().unwrap()),
            min.asks,
            min.read_bytes >> 10,
            min.peak_memory >> 20,
        );
    }
}

#[test]
#[ignore = "figures, not a check"]
fn figures_of_first_party_plugins() {
    let cache = tempfile::tempdir().unwrap();
    let worker = WorkerCommand {
        program: sandbox::WINDLASS.into(),
        arguments: vec!["worker".into()],
    };
    let host = Host::new(HostOptions {
        cache_dir: cache.path().to_owned(),
        worker,
        workers: 2,
    })
    .unwrap();
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {a: {{ .Values.a | quote }}}\n";
    let chart = Memory::of(&[
        ("app/Chart.yaml", "apiVersion: v2\nname: one\nversion: 1.0.0\n"),
        ("app/values.yaml", "a: b\n"),
        ("app/templates/one.yaml", template),
    ]);
    let kustomization = "namePrefix: x-\nresources: [a.yaml]\n";
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n";
    let folder = Memory::of(&[("app/kustomization.yaml", kustomization), ("app/a.yaml", manifest)]);
    let plain = request(Memory::of(&[("app/a.yaml", manifest)]).tree(""));
    for pass in ["cold cache", "warm cache"] {
        #[expect(clippy::print_stdout, reason = "figures are the point")]
        {
            println!("{pass}");
        }
        measure(&host, "guest-probe", &plain, &json!({"mode": "echo"}));
        measure(&host, "yaml", &plain, &json!({}));
        measure(&host, "helm", &request(chart_tree(&chart)), &json!({}));
        measure(&host, "kustomize", &request(chart_tree(&folder)), &json!({}));
    }
}

fn chart_tree(memory: &Memory) -> windlass_core::tree::Tree {
    memory.clone().tree("")
}
