//! Kustomizations that use every builtin of Kustomize, alone and two by two, made of `tests/cases/kustomize-parts`.
//!
//! ```text
//! base ◀── app: one variant of one builtin                     alone
//! base ◀── app: a variant each of two builtins                 side by side
//! base ◀── below: one ◀── app: the other                       stacked
//! base ◀── app: the other ◀── part: one, as a component        component
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Problem,
    case::{Case, Ground, Tool},
};

/// What every test run compares; `cargo x diff-native` takes none of them.
pub const SEED: u64 = 1;

/// All that is generated.
#[derive(Debug)]
pub struct Kustomizations {
    /// Every variant that Kustomize builds, alone.
    pub alone: Vec<Case>,
    /// Every variant that Kustomize refuses, alone.
    pub refused: Vec<Case>,
    /// A combination of every two builtins.
    pub pairs: Vec<Case>,
}

/// One way to use a builtin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    /// Kustomize refuses it, whatever else there is.
    #[serde(default)]
    fails: bool,
    kustomization: Map<String, Value>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Bytes.
    #[serde(default)]
    binary: BTreeMap<String, Vec<u8>>,
}

/// A file of `kustomize-parts`.
struct Builtin {
    name: String,
    variants: Vec<Variant>,
}

/// How two variants come together.
#[derive(Debug, Clone, Copy)]
enum Layout {
    SideBySide,
    Stacked,
    Component,
}

/// Makes all of them, in one folder. `seed` chooses variants and layouts of the pairs.
///
/// # Errors
/// When a part can't be read, or nothing can be written.
pub fn kustomizations(seed: u64) -> Result<Kustomizations, Problem> {
    let builtins = read()?;
    let copy = tempfile::tempdir()?;
    let root = copy.path();
    copy_base(root)?;
    let (mut alone, mut refused, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for builtin in &builtins {
        for variant in &builtin.variants {
            let name = format!("{} ({})", builtin.name, variant.name);
            write(&root.join(&name).join("app"), &[variant], &["../../base"], None)?;
            if variant.fails { &mut refused } else { &mut alone }.push(name);
        }
    }
    for (at, one) in builtins.iter().enumerate() {
        for other in &builtins[at + 1..] {
            pairs.extend(pair(root, one, other, seed)?);
        }
    }
    let ground = Ground::of(copy)?;
    let cases = |names: Vec<String>| {
        names
            .into_iter()
            .map(|name| case(&ground, name))
            .collect::<Result<_, _>>()
    };
    Ok(Kustomizations {
        alone: cases(alone)?,
        refused: cases(refused)?,
        pairs: cases(pairs)?,
    })
}

fn case(ground: &Arc<Ground>, name: String) -> Result<Case, Problem> {
    let path = format!("{name}/app");
    Case::new(name, Tool::Kustomize, ground, path)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/kustomize-parts")
}

fn read() -> Result<Vec<Builtin>, Problem> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let builtin = |path: &PathBuf| {
        let variants = serde_saphyr::from_str(&fs::read_to_string(path)?);
        Ok(Builtin {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            variants: variants.map_err(|error| format!("{}: {error}", path.display()))?,
        })
    };
    paths.iter().map(builtin).collect()
}

fn copy_base(root: &Path) -> Result<(), Problem> {
    fs::create_dir(root.join("base"))?;
    for entry in fs::read_dir(folder().join("base"))? {
        let entry = entry?;
        fs::copy(entry.path(), root.join("base").join(entry.file_name()))?;
    }
    Ok(())
}

/// Writes one combination of two builtins; none when Kustomize refuses all variants of one.
fn pair(root: &Path, one: &Builtin, other: &Builtin, seed: u64) -> Result<Option<String>, Problem> {
    let mut choice = Choice::of(seed, &[&one.name, &other.name]);
    let (Some(a), Some(b)) = (choice.variant(one), choice.variant(other)) else {
        return Ok(None);
    };
    let (a, b) = if choice.below(2) == 0 { (a, b) } else { (b, a) };
    let layout = [Layout::SideBySide, Layout::Stacked, Layout::Component][choice.below(3)];
    let name = format!("{} ({}) {layout:?} {} ({})", one.name, a.name, other.name, b.name);
    let folder = root.join(&name);
    match layout {
        Layout::SideBySide => write(&folder.join("app"), &[a, b], &["../../base"], None)?,
        Layout::Stacked => {
            write(&folder.join("below"), &[a], &["../../base"], None)?;
            write(&folder.join("app"), &[b], &["../below"], None)?;
        }
        Layout::Component => {
            write(&folder.join("part"), &[a], &[], Some("Component"))?;
            write(&folder.join("app"), &[b], &["../../base"], Some("Kustomization"))?;
        }
    }
    Ok(Some(name))
}

/// Writes a kustomization and its files. `kind`: of a component, or of the kustomization that takes it in.
fn write(folder: &Path, variants: &[&Variant], resources: &[&str], kind: Option<&str>) -> Result<(), Problem> {
    let mut content = json!({ "resources": resources });
    for variant in variants {
        merge(&mut content, &Value::Object(variant.kustomization.clone()));
        for (name, text) in &variant.files {
            put(&folder.join(name), text.as_bytes())?;
        }
        for (name, bytes) in &variant.binary {
            put(&folder.join(name), bytes)?;
        }
    }
    match kind {
        Some("Component") => merge(
            &mut content,
            &json!({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}),
        ),
        Some(_) => merge(&mut content, &json!({"components": ["../part"]})),
        None => {}
    }
    put(
        &folder.join("kustomization.yaml"),
        serde_json::to_string_pretty(&content)?.as_bytes(),
    )
}

fn put(path: &Path, content: &[u8]) -> Result<(), Problem> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, content)?)
}

/// Lists are joined, maps united; otherwise what comes later counts.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// Choices that depend on nothing but the seed and names: an added part changes no other pair.
struct Choice(u64);

impl Choice {
    fn of(seed: u64, names: &[&str]) -> Self {
        // FNV-1a, as the task runner uses it.
        let bytes = names.iter().flat_map(|name| name.bytes().chain([0]));
        Self(bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// A number below `bound`, by SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or_default() % bound
    }

    fn variant<'a>(&mut self, builtin: &'a Builtin) -> Option<&'a Variant> {
        let good: Vec<&Variant> = builtin.variants.iter().filter(|variant| !variant.fails).collect();
        (!good.is_empty()).then(|| good[self.below(good.len())])
    }
}
