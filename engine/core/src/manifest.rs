//! Documents to objects: parsed once, `List`s flattened, every object with its place of origin.

mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    digest::Digest,
    hooks::{self, HELM_HOOK, Hook},
    model::{NotAnObject, Object, ObjectId},
    render::{Diagnostic, Document, FileAt, Format, Location, Output, Severity, attribute},
    restart::Restart,
    yaml::{self, Room, YamlDocument, YamlError},
};

pub use place::{Place, Places, Rendered, file_location, output_location, place_of};

/// An object with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What should exist.
    pub object: Object,
    /// The file it comes from, with the line where known.
    pub origin: Option<FileAt>,
    /// Index of the emitted document it stands in.
    pub document: u32,
    /// Where in that document.
    pub within: Within,
    /// When it is applied.
    pub role: Role,
    /// What of it was drawn at random, as the plugin says: for previews. No part of the object's identity.
    pub generated: Option<Generated>,
    /// What the inventory is to know of its configuration once it is applied ([`crate::restart`]). No part of the object's identity.
    pub configured: Option<Restart>,
}

/// Values that another installation would have others of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generated {
    /// JSON pointers into the document; empty = not known where.
    pub fields: Vec<String>,
}

/// Where in an emitted document an object stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Within {
    /// First line of its value, from 1.
    pub line: u32,
    /// Its index when the value is a `List`.
    pub item: Option<usize>,
}

impl Within {
    /// JSON pointer to the object, from the value.
    fn pointer(self) -> String {
        self.item.map_or_else(String::new, |item| format!("/items/{item}"))
    }
}

/// When a manifest is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// With the app.
    Ordinary,
    /// A CRD from a chart's `crds/`.
    Crd,
    /// A hook: run at events of the app, not part of its state.
    Hook,
    /// A Helm test.
    Test,
}

/// All that a render wants to exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// Part of the app's state, by identity.
    pub objects: BTreeMap<ObjectId, Manifest>,
    /// Run at events.
    pub hooks: Vec<Manifest>,
    /// What was found while reading: warnings only, errors keep a `Desired` from being made.
    pub warnings: Vec<Diagnostic>,
    /// Identity of the whole: what "did anything change" asks.
    pub hash: Digest,
}

impl Desired {
    /// The same with more in some objects than git says. Which objects they are must stay.
    #[must_use]
    pub fn with(&self, mut change: impl FnMut(&mut Manifest)) -> Self {
        let mut desired = self.clone();
        desired.objects.values_mut().for_each(&mut change);
        desired.hash = hash(&desired, |manifest| manifest.object.hash);
        desired
    }

    /// Its hash without the restarts that git is no cause of.
    #[must_use]
    pub fn without_restarts(&self) -> Digest {
        hash(self, Manifest::without_restart)
    }
}

impl Manifest {
    /// Gives it another body of the same object.
    pub fn rewrite(&mut self, body: Value) {
        self.object.hash = Digest::of(crate::model::canonical(&body).as_bytes());
        self.object.body = body;
    }

    /// Its hash without a restart that git is no cause of.
    #[must_use]
    pub fn without_restart(&self) -> Digest {
        let without = self.configured.as_ref().and_then(|restart| restart.without);
        without.unwrap_or(self.object.hash)
    }

    /// Names what git says of it: the same whatever was restarted meanwhile for what isn't git's.
    #[must_use]
    pub fn of_git(&self) -> Digest {
        let of_git = self.configured.as_ref().and_then(|restart| restart.of_git);
        of_git.unwrap_or(self.object.hash)
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::of(b"")
    }
}

/// Findings kept of one render, by the parser and by whoever checks its objects: more hide the first, and a hostile render
/// has a hundred thousand.
pub const MAX_ERRORS: usize = 100;

/// Reads a render's output. `namespace`: filled into namespaced objects that name none ("" = leave as is).
///
/// # Errors
/// With every document that can't be read, value that is no object, and object that stands there twice; and with the
/// plugin's own findings of severity `error`.
pub fn read(output: &Output, namespace: &str) -> Result<Desired, Vec<Diagnostic>> {
    let mut reader = Reader {
        output,
        namespace,
        cluster_kinds: BTreeSet::new(),
        room: Room::default(),
        places: Places::new(output),
        errors: Vec::new(),
        manifests: Vec::new(),
    };
    let (errors, warnings): (Vec<_>, Vec<_>) = output
        .diagnostics
        .iter()
        .cloned()
        .partition(|d| d.severity == Severity::Error);
    reader.errors = errors.into_iter().map(|d| reader.places.resolve(d)).collect();
    for index in 0..output.documents.len() {
        reader.document(index);
    }
    let warnings = warnings.into_iter().map(|d| reader.places.resolve(d)).collect();
    reader.finish(warnings)
}

struct Reader<'a> {
    output: &'a Output,
    namespace: &'a str,
    /// Group and kind of cluster-scoped CRDs in this render.
    cluster_kinds: BTreeSet<(String, String)>,
    /// For the values of all documents together.
    room: Room,
    places: Places<'a>,
    errors: Vec<Diagnostic>,
    manifests: Vec<Manifest>,
}

impl Reader<'_> {
    fn document(&mut self, index: usize) {
        let document = &self.output.documents[index];
        match parse(document, &mut self.room) {
            Ok(values) => {
                for value in values {
                    self.value(index, value.value, value.line);
                }
            }
            Err(diagnostic) => self.error(|_| diagnostic),
        }
    }

    fn value(&mut self, index: usize, mut value: Value, line: u32) {
        if let Some(items) = list_items(&mut value) {
            for (at, item) in items.into_iter().enumerate() {
                self.item(index, item, Within { line, item: Some(at) });
            }
        } else {
            self.item(index, value, Within { line, item: None });
        }
    }

    fn item(&mut self, index: usize, mut value: Value, within: Within) {
        let document = &self.output.documents[index];
        annotate(&mut value, document);
        hooks::provisional(&mut value);
        match Object::from_value(value) {
            Ok(object) => {
                self.note_crd(&object);
                let role = role(document, &object.body);
                self.manifests.push(Manifest {
                    object,
                    origin: place::origin(document, within.line),
                    document: yaml::narrow(index as u64),
                    within,
                    role,
                    generated: generated(document),
                    configured: None,
                });
            }
            Err(cause) => self.error(|places| {
                let pointer = format!("{}{}", within.pointer(), cause.pointer());
                not_an_object(&cause, places.in_document(index, within.line, &pointer))
            }),
        }
    }

    fn note_crd(&mut self, object: &Object) {
        if object.id.kind != "CustomResourceDefinition" {
            return;
        }
        let text = |pointer| {
            object
                .body
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        if text("/spec/scope") == "Cluster" {
            self.cluster_kinds
                .insert((text("/spec/group"), text("/spec/names/kind")));
        }
    }

    /// Finding a place may parse a document again, so that nothing is looked for that is not shown.
    fn error(&mut self, diagnostic: impl FnOnce(&mut Places<'_>) -> Diagnostic) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(diagnostic(&mut self.places));
        }
    }

    fn finish(mut self, warnings: Vec<Diagnostic>) -> Result<Desired, Vec<Diagnostic>> {
        let mut desired = Desired {
            warnings,
            ..Desired::default()
        };
        for manifest in std::mem::take(&mut self.manifests) {
            let manifest = self.with_namespace(manifest);
            if matches!(manifest.role, Role::Hook | Role::Test) {
                desired.hooks.push(manifest);
            } else if let Some(first) = desired.objects.get(&manifest.object.id) {
                let error = twice(first, &manifest);
                self.error(|_| error);
            } else {
                desired.objects.insert(manifest.object.id.clone(), manifest);
            }
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        desired.hash = hash(&desired, |manifest| manifest.object.hash);
        hooks::finish(&mut desired);
        Ok(desired)
    }

    fn with_namespace(&self, mut manifest: Manifest) -> Manifest {
        let id = &manifest.object.id;
        let clustered = crate::model::is_cluster_scoped(&id.group, &id.kind)
            || self.cluster_kinds.contains(&(id.group.clone(), id.kind.clone()));
        if clustered {
            manifest.object.id.namespace.clear();
        } else if id.namespace.is_empty() && !self.namespace.is_empty() {
            let mut body = manifest.object.body.clone();
            body["metadata"]["namespace"] = self.namespace.into();
            if let Ok(object) = Object::from_value(body) {
                manifest.object = object;
            }
        }
        manifest
    }
}

/// Every value of a document with the line it starts at.
fn parse(document: &Document, room: &mut Room) -> Result<Vec<YamlDocument>, Diagnostic> {
    let text = std::str::from_utf8(&document.content).map_err(|error| not_utf8(document, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unreadable = |code, error: YamlError| {
        let at = output_location(document, error.line, error.column);
        let code = if error.is_too_much { "too-much-yaml" } else { code };
        Diagnostic::error(code, error.message, at)
    };
    match document.format {
        Format::Yaml => yaml::parse_within(text, room).map_err(|error| unreadable("invalid-yaml", error)),
        Format::Json => yaml::parse_json_within(text, room)
            .map(|value| vec![YamlDocument { value, line: 1 }])
            .map_err(|error| unreadable("invalid-json", error)),
    }
}

fn not_utf8(document: &Document, at: usize) -> Diagnostic {
    let before = &document.content[..at];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
    let place = output_location(document, yaml::narrow(line as u64), yaml::narrow(column as u64));
    let message = format!("byte {:#04x} is not UTF-8", document.content[at]);
    Diagnostic::error("not-utf8", message, place).with_help("save the file as UTF-8")
}

/// The items of a `List` or a typed list (`ConfigMapList`), taken out of it; `None` for anything else.
#[must_use]
pub fn list_items(value: &mut Value) -> Option<Vec<Value>> {
    if !is_list(value) {
        return None;
    }
    value.get_mut("items")?.as_array_mut().map(std::mem::take)
}

fn is_list(value: &Value) -> bool {
    let text = |key| value.get(key).and_then(Value::as_str);
    let (Some(kind), Some(version)) = (text("kind"), text("apiVersion")) else {
        return false;
    };
    let named = value.pointer("/metadata/name").is_some();
    kind.ends_with("List") && (kind == "List" || !named) && !version.is_empty()
}

/// Fields named by a plugin for one object: a mark that says more is cut.
const MAX_GENERATED: usize = 100;

fn generated(document: &Document) -> Option<Generated> {
    let fields = document.attribute(attribute::GENERATED)?.lines();
    Some(Generated {
        fields: fields.take(MAX_GENERATED).map(str::to_owned).collect(),
    })
}

/// What a plugin says, or the object itself. One whose annotation can't be read is no part of the state either: rules name it.
fn role(document: &Document, object: &Value) -> Role {
    let said = match document.attribute(attribute::ROLE) {
        Some("crd") => Role::Crd,
        Some("hook") => return Role::Hook,
        Some("test") => return Role::Test,
        _ => Role::Ordinary,
    };
    match Hook::of(object) {
        Ok(None) => said,
        Ok(Some(hook)) if hook.is_test() => Role::Test,
        Ok(Some(_)) | Err(_) => Role::Hook,
    }
}

/// What a plugin says of a hook whose annotations don't: from here on there is one place that says it.
fn annotate(object: &mut Value, document: &Document) {
    let is_one = matches!(document.attribute(attribute::ROLE), Some("hook" | "test"));
    if !is_one || hooks::is_hook(object) || !object["metadata"].is_object() {
        return;
    }
    let said = [
        (HELM_HOOK, attribute::HOOK_EVENTS),
        (hooks::HELM_WEIGHT, attribute::HOOK_WEIGHT),
        (hooks::HELM_DELETE, attribute::HOOK_DELETE_POLICIES),
    ];
    for (key, attribute) in said {
        let Some(text) = document.attribute(attribute) else {
            continue;
        };
        let annotations = &mut object["metadata"]["annotations"];
        if !annotations.is_object() {
            *annotations = Value::Object(serde_json::Map::new());
        }
        annotations[key] = text.into();
    }
}

fn not_an_object(cause: &NotAnObject, at: Location) -> Diagnostic {
    Diagnostic::error("not-an-object", cause.to_string(), at)
        .with_help("every manifest needs `apiVersion`, `kind` and `metadata.name`; exclude files that are none")
}

fn twice(first: &Manifest, second: &Manifest) -> Diagnostic {
    let at = second.origin.clone().map_or(Location::None, Location::File);
    let mut diagnostic = Diagnostic::error(
        "duplicate-object",
        format!("{} stands there twice", second.object.id),
        at,
    )
    .with_help("remove one, or give it another name or namespace");
    if let Some(origin) = &first.origin {
        diagnostic
            .related
            .push((Location::File(origin.clone()), "first here".to_owned()));
    }
    diagnostic
}

/// Of identities and contents, hooks included.
fn hash(desired: &Desired, of: impl Fn(&Manifest) -> Digest) -> Digest {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for manifest in desired.objects.values().chain(&desired.hooks) {
        parts.push(manifest.object.id.to_string().into_bytes());
        parts.push(of(manifest).as_bytes().to_vec());
    }
    Digest::of_parts(parts.iter().map(Vec::as_slice))
}
