//! Names for hooks that have only the beginning of one (`metadata.generateName`): the same for the same output, so that whoever was
//! killed finds what it made.

use std::collections::BTreeMap;

use serde_json::Value;

use super::is_hook;
use crate::{
    digest::Digest,
    manifest::Desired,
    model::{Object, ObjectId},
};

/// Longest name of an object, in bytes, that every kind takes as part of a label: Kubernetes' own generated names keep to it.
const MAX_NAME: usize = 63;
/// Digits of [`Digest::short`].
const DIGITS: usize = 12;

/// Gives a hook without a name the beginning of its name as one, so that it is an object; [`finish`] does the rest. False: it has one, or is no
/// hook.
pub fn provisional(object: &mut Value) -> bool {
    let is_nameless = object.pointer("/metadata/name").is_none_or(Value::is_null);
    if !is_nameless || !is_hook(object) {
        return false;
    }
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return false;
    };
    let Some(prefix) = metadata.get("generateName").and_then(Value::as_str).map(str::to_owned) else {
        return false;
    };
    metadata.insert("name".to_owned(), prefix.into());
    true
}

/// Names them, once it is known what is desired: by the hash of that, and by what the hook is.
pub fn finish(desired: &mut Desired) {
    let whole = desired.hash;
    let mut same: BTreeMap<(ObjectId, Digest), u32> = BTreeMap::new();
    for manifest in &mut desired.hooks {
        let object = &manifest.object;
        let Some(prefix) = generated(&object.body) else {
            continue;
        };
        let number = same.entry((object.id.clone(), object.hash)).or_default();
        let digest = Digest::of_parts([
            whole.as_bytes().as_slice(),
            object.id.to_string().as_bytes(),
            object.hash.as_bytes(),
            &number.to_be_bytes(),
        ]);
        *number += 1;
        let room = MAX_NAME - DIGITS;
        let end = (0..=prefix.len().min(room))
            .rev()
            .find(|end| prefix.is_char_boundary(*end))
            .unwrap_or(0);
        let name = format!("{}{}", &prefix[..end], digest.short());
        let mut body = object.body.clone();
        body["metadata"]["name"] = name.into();
        let namespace = object.id.namespace.clone();
        if let Ok(mut named) = Object::from_value(body) {
            named.id.namespace = namespace;
            manifest.object = named;
        }
    }
}

/// The beginning of a name that is to be finished.
fn generated(body: &Value) -> Option<String> {
    let prefix = body.pointer("/metadata/generateName")?.as_str()?;
    (body.pointer("/metadata/name")?.as_str()? == prefix).then(|| prefix.to_owned())
}
