//! What a plugin weighs: its file, its compilation, its memory.

use std::fs;

use serde_json::json;

use crate::{
    figure::{Effort, Figure, Samples, Unit, timed},
    fixtures::{self, Call},
};

/// Plugins, each with what it renders here.
const PLUGINS: [(&str, &str, &str); 4] = [
    ("yaml", "hundred", "plain"),
    ("jsonnet", "twenty", ""),
    ("helm", "thirty", ""),
    ("kustomize", "twelve", "overlay"),
];

const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let work = tempfile::tempdir().expect("a folder");
    fixtures::chart(&work.path().join("thirty"), 30);
    fixtures::kustomization(&work.path().join("twelve"));
    fixtures::jsonnet(&work.path().join("twenty"));
    fixtures::yaml(&work.path().join("hundred"));
    let mut figures = Vec::new();
    for (plugin, folder, path) in PLUGINS {
        // Go plugins take a minute each.
        if !effort.is_quick || matches!(plugin, "yaml" | "jsonnet") {
            figures.extend(compile(plugin));
        }
        let host = fixtures::host(1, fixtures::cache());
        let stats = Call::new(&host, plugin, &work.path().join(folder), path, &json!({})).render(&host);
        figures.push(once(
            format!("{plugin}: linear memory of a call at its peak"),
            stats.peak_memory as f64 / MIB,
            Unit::Mebibytes,
        ));
        figures.push(once(
            format!("{plugin}: questions of a call"),
            stats.asks as f64,
            Unit::Number,
        ));
    }
    figures
}

/// Into an empty cache, once: a minute of all cores is measure enough.
fn compile(plugin: &str) -> Vec<Figure> {
    let cache = tempfile::tempdir().expect("a folder");
    let file = fixtures::component(plugin);
    let size = fs::metadata(&file).expect("a component").len() as f64 / MIB;
    let host = fixtures::host(1, cache.path().join("aot"));
    let time = timed(|| {
        drop(
            host.load_file(&file, &windlass_host::LoadOptions::default())
                .expect("a plugin"),
        )
    });
    let compiled: u64 = fs::read_dir(cache.path().join("aot"))
        .expect("a cache")
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    vec![
        once(format!("{plugin}: component"), size, Unit::Mebibytes),
        once(format!("{plugin}: compiled"), compiled as f64 / MIB, Unit::Mebibytes),
        once(format!("{plugin}: time to compile"), time.as_secs_f64(), Unit::Seconds),
    ]
}

fn once(work: String, value: f64, unit: Unit) -> Figure {
    Figure::new(work, Samples::of([value]), unit)
}
