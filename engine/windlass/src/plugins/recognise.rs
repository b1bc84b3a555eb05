//! Which renderer is a folder's? The one whose marker files lie in it.

use std::sync::Arc;

use windlass_core::{
    config::{PluginChoice, ServingSpec},
    plugin::World,
    render::{Diagnostic, Location, file_at},
    tree::{Kind, Tree, TreeError},
};

use super::{Candidate, Plugins};
use crate::stop::chain;

impl Plugins {
    /// The renderer that recognises what lies at a path, by the marker files of the manifests. Calls no plugin.
    ///
    /// # Errors
    /// When the path is not there, nobody recognises it, or two do with equal rank.
    pub fn recognise(&self, tree: &Tree, path: &str) -> Result<Arc<Candidate>, Diagnostic> {
        self.recognise_for(&ServingSpec::default(), tree, path)
    }

    /// As [`Plugins::recognise`], among the renderers that serve a Repository, in its versions.
    ///
    /// # Errors
    /// As [`Plugins::recognise`].
    pub fn recognise_for(&self, serving: &ServingSpec, tree: &Tree, path: &str) -> Result<Arc<Candidate>, Diagnostic> {
        self.choose(&self.recognised(serving, tree, path)?)
    }

    /// As [`Plugins::recognise_for`], before it is chosen.
    pub(crate) fn recognised(
        &self,
        serving: &ServingSpec,
        tree: &Tree,
        path: &str,
    ) -> Result<PluginChoice, Diagnostic> {
        let names = names(tree, path)?;
        let mut best: Vec<(u32, &Arc<Candidate>)> = Vec::new();
        for plugin in self.all().filter(|p| p.manifest().world == World::Renderer) {
            if serving.renderer(&PluginChoice::of(&plugin.manifest().name)).is_none() {
                continue;
            }
            let rank = plugin
                .manifest()
                .markers
                .iter()
                .filter(|m| names.iter().any(|n| matches(&m.file, n)))
                .map(|m| m.rank)
                .min();
            best.extend(rank.map(|rank| (rank, plugin)));
        }
        let lowest = best.iter().map(|(rank, _)| *rank).min();
        best.retain(|(rank, _)| Some(*rank) == lowest);
        let mut found: Vec<&str> = best.iter().map(|(_, p)| p.manifest().name.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [name] => {
                let asked = PluginChoice::of(name);
                Ok(serving.renderer(&asked).unwrap_or(asked))
            }
            [] => Err(self.unrecognised(serving, path, &names)),
            several => Err(Diagnostic::error(
                "ambiguous-folder",
                format!("{} recognise `{path}`", several.join(" and ")),
                Location::File(file_at(path)),
            )
            .with_help("name one: `spec.render[0].plugin.name`, or `--with`")),
        }
    }

    fn unrecognised(&self, serving: &ServingSpec, path: &str, names: &[String]) -> Diagnostic {
        let holds = match names {
            [] => "it is empty".to_owned(),
            names => format!(
                "it holds {}",
                names
                    .iter()
                    .take(8)
                    .map(|n| format!("`{n}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let message = format!(
            "no plugin recognises `{}`: {holds}",
            if path.is_empty() { "." } else { path }
        );
        Diagnostic::error("unrecognised-folder", message, Location::File(file_at(path))).with_help(
            match &serving.renderers {
                Some(renderers) => served_by(renderers),
                None => self.known(Some(World::Renderer)),
            },
        )
    }
}

/// What a Repository's Apps may be rendered by.
pub(super) fn served_by(renderers: &[PluginChoice]) -> String {
    let names: Vec<String> = renderers.iter().map(|choice| format!("`{}`", choice.name)).collect();
    match names.as_slice() {
        [] => "the Repository's `plugins.renderers` is empty: no renderer serves it".to_owned(),
        names => format!(
            "the Repository's `plugins.renderers` has {}: add the plugin there, or leave the field out",
            names.join(", ")
        ),
    }
}

/// The names by which a path is recognised: the entries of a folder, or the file's own.
fn names(tree: &Tree, path: &str) -> Result<Vec<String>, Diagnostic> {
    let told = |error: &TreeError| Diagnostic::error("unreadable-path", chain(error), Location::File(file_at(path)));
    let node = tree.stat(path).map_err(|e| told(&e))?;
    match node.kind {
        Kind::File => Ok(vec![path.rsplit('/').next().unwrap_or(path).to_owned()]),
        Kind::Directory => {
            let entries = tree.entries(path).map_err(|e| told(&e))?;
            Ok(entries
                .into_iter()
                .filter(|e| matches!(e.kind, Kind::File | Kind::Symlink))
                .map(|e| e.name)
                .collect())
        }
        Kind::Submodule => Err(told(&TreeError::Submodule { path: path.to_owned() })),
        _ => {
            let message = format!("there is no `{path}` in this revision");
            Err(Diagnostic::error("missing-path", message, Location::None).with_help(nearest(tree, path)))
        }
    }
}

/// What is there instead.
fn nearest(tree: &Tree, path: &str) -> String {
    let mut parent = path;
    loop {
        parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Ok(entries) = tree.entries(parent) {
            let names = entries
                .iter()
                .take(12)
                .map(|e| format!("`{}`", e.name))
                .collect::<Vec<_>>()
                .join(", ");
            let parent = if parent.is_empty() { "the root" } else { parent };
            return format!("{parent} holds {names}");
        }
        if parent.is_empty() {
            return "the revision is empty".to_owned();
        }
    }
}

/// A marker is a name, or a glob with `*`.
fn matches(marker: &str, name: &str) -> bool {
    match marker.split_once('*') {
        None => marker == name,
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_match_names_and_globs() {
        assert!(matches("Chart.yaml", "Chart.yaml") && !matches("Chart.yaml", "xChart.yaml"));
        assert!(matches("*.jsonnet", "main.jsonnet") && !matches("*.jsonnet", "lib.libsonnet"));
    }
}
