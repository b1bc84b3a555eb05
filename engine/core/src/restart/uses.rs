//! Which ConfigMaps and Secrets a pod uses, and which keys of each.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::items;

/// One use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name, in the pod's namespace.
    pub name: String,
    /// What of it.
    pub keys: Keys,
}

/// What of an object is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keys {
    /// Everything, whatever there is.
    All,
    /// These.
    Some(BTreeSet<String>),
}

impl Keys {
    /// These too.
    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Some(keys), Self::Some(more)) => keys.extend(more),
        }
    }
}

const CONFIG_MAP: &str = "ConfigMap";
const SECRET: &str = "Secret";

/// Everything that a pod's spec uses: variables, all variables of an object, volumes (projected ones too) as far as they are mounted.
/// What is optional is used where it is there.
#[must_use]
pub fn uses(pod: &Value) -> Vec<Use> {
    let containers: Vec<&Value> = ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| items(pod.get(*list)))
        .collect();
    let mut found = Vec::new();
    for container in &containers {
        for source in items(container.get("envFrom")) {
            whole(&mut found, CONFIG_MAP, source.pointer("/configMapRef/name"));
            whole(&mut found, SECRET, source.pointer("/secretRef/name"));
        }
        for variable in items(container.get("env")) {
            for (kind, at) in [
                (CONFIG_MAP, "/valueFrom/configMapKeyRef"),
                (SECRET, "/valueFrom/secretKeyRef"),
            ] {
                let reference = variable.pointer(at);
                let key = reference.and_then(|reference| text(reference.get("key")));
                if let (Some(name), Some(key)) = (reference.and_then(|reference| text(reference.get("name"))), key) {
                    found.push(some(kind, name, [key.to_owned()]));
                }
            }
        }
    }
    for volume in items(pod.get("volumes")) {
        let Some(files) = Files::of(volume, &containers) else {
            continue;
        };
        files.source(&mut found, CONFIG_MAP, volume.get("configMap"), "name");
        files.source(&mut found, SECRET, volume.get("secret"), "secretName");
        for source in items(volume.pointer("/projected/sources")) {
            files.source(&mut found, CONFIG_MAP, source.get("configMap"), "name");
            files.source(&mut found, SECRET, source.get("secret"), "name");
        }
    }
    found
}

/// Which files of a volume are mounted.
enum Files<'a> {
    All,
    /// Those at or below these paths.
    At(Vec<&'a str>),
}

impl<'a> Files<'a> {
    /// `None`: nobody mounts it.
    fn of(volume: &Value, containers: &[&'a Value]) -> Option<Self> {
        let name = text(volume.get("name"))?;
        let mut paths = Vec::new();
        let mounts = containers
            .iter()
            .flat_map(|container| items(container.get("volumeMounts")));
        for mount in mounts.filter(|mount| text(mount.get("name")) == Some(name)) {
            match (text(mount.get("subPath")), mount.get("subPathExpr")) {
                (Some(path), None) if !path.is_empty() => paths.push(path.trim_matches('/')),
                _ => return Some(Self::All),
            }
        }
        (!paths.is_empty()).then_some(Self::At(paths))
    }

    fn has(&self, file: &str) -> bool {
        match self {
            Self::All => true,
            Self::At(paths) => paths.iter().any(|path| {
                let below =
                    |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'));
                *path == file || below(file, path) || below(path, file)
            }),
        }
    }

    /// What a volume takes from one object: the keys that `items` names, each under its path, or every key under its own name.
    fn source(&self, found: &mut Vec<Use>, kind: &'static str, source: Option<&Value>, name: &str) {
        let Some(source) = source else { return };
        let Some(name) = text(source.get(name)) else { return };
        let named: Vec<(&str, &str)> = items(source.get("items"))
            .filter_map(|item| Some((text(item.get("key"))?, text(item.get("path"))?)))
            .collect();
        match self {
            _ if !named.is_empty() => {
                let keys = named
                    .iter()
                    .filter(|(_, path)| self.has(path))
                    .map(|(key, _)| (*key).to_owned());
                found.push(some(kind, name, keys));
            }
            Self::All => found.push(Use {
                kind,
                name: name.to_owned(),
                keys: Keys::All,
            }),
            Self::At(paths) => {
                let keys = paths
                    .iter()
                    .filter_map(|path| path.split('/').next())
                    .map(str::to_owned);
                found.push(some(kind, name, keys));
            }
        }
    }
}

fn whole(found: &mut Vec<Use>, kind: &'static str, name: Option<&Value>) {
    if let Some(name) = text(name) {
        found.push(Use {
            kind,
            name: name.to_owned(),
            keys: Keys::All,
        });
    }
}

fn some(kind: &'static str, name: &str, keys: impl IntoIterator<Item = String>) -> Use {
    Use {
        kind,
        name: name.to_owned(),
        keys: Keys::Some(keys.into_iter().collect()),
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}
