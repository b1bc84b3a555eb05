//! Questions about sets of objects.

use serde_json::Value;
use windlass_core::model::canonical;

use crate::{
    capabilities::Stop,
    error::HostFailure,
    limits,
    protocol::{Answer, Ask, ObjectHead, SetName},
    request::InputObject,
};

/// Answers a question about objects; `None` when it is about something else, or a set that this kind of call does not have.
/// `sets`: the set of a name, `None` inside when the request has none.
pub(super) fn answer<'a>(
    ask: &Ask,
    sets: impl Fn(SetName) -> Option<Option<&'a [InputObject]>>,
) -> Result<Option<Answer>, Stop> {
    let set = match ask {
        Ask::Set { set }
        | Ask::Heads { set, .. }
        | Ask::Select { set, .. }
        | Ask::Bodies { set, .. }
        | Ask::Body { set, .. }
        | Ask::Field { set, .. } => sets(*set),
        _ => None,
    };
    set.map(|objects| about(ask, objects)).transpose()
}

fn about(ask: &Ask, set: Option<&[InputObject]>) -> Result<Answer, Stop> {
    let objects = set.unwrap_or_default();
    Ok(match ask {
        Ask::Heads { start, max, .. } => Answer::Heads(heads(objects, *start, *max)),
        Ask::Select { group, kind, .. } => Answer::Indexes(select(objects, group, kind)),
        Ask::Bodies { start, max_bytes, .. } => Answer::Texts(bodies(objects, *start, *max_bytes)),
        Ask::Body { index, .. } => Answer::Text(object(objects, *index)?.json.clone()),
        Ask::Field { index, at, .. } => Answer::Field(field(object(objects, *index)?, at)?),
        _ => Answer::Count(set.map(|all| u32::try_from(all.len()).unwrap_or(u32::MAX))),
    })
}

pub(super) fn head_size(head: &ObjectHead) -> usize {
    40 + head.group.len() + head.version.len() + head.kind.len() + head.namespace.len() + head.name.len()
}

fn heads(objects: &[InputObject], start: u32, max: u32) -> Vec<ObjectHead> {
    let mut bytes = 0;
    objects
        .iter()
        .skip(start as usize)
        .take(max as usize)
        .map(|object| &object.head)
        .take_while(|head| {
            bytes += head_size(head);
            bytes <= limits::PAGE_BYTES
        })
        .cloned()
        .collect()
}

fn select(objects: &[InputObject], group: &str, kind: &str) -> Vec<u32> {
    let matches =
        |head: &ObjectHead| (group.is_empty() || head.group == group) && (kind.is_empty() || head.kind == kind);
    (0_u32..)
        .zip(objects)
        .filter(|(_, object)| matches(&object.head))
        .map(|(index, _)| index)
        .collect()
}

/// At least one, so that a guest always gets on.
fn bodies(objects: &[InputObject], start: u32, max_bytes: u32) -> Vec<String> {
    let mut bytes = 0;
    let mut bodies = Vec::new();
    for object in objects.iter().skip(start as usize) {
        bytes += object.json.len() + 8;
        if !bodies.is_empty() && bytes > (max_bytes as usize).min(limits::BODY_BYTES) {
            break;
        }
        bodies.push(object.json.clone());
    }
    bodies
}

fn object(objects: &[InputObject], index: u32) -> Result<&InputObject, Stop> {
    let what = || HostFailure::Misuse {
        what: format!("object {index} of {} was asked for", objects.len()),
    };
    Ok(objects.get(index as usize).ok_or_else(what)?)
}

fn field(object: &InputObject, at: &str) -> Result<Option<String>, Stop> {
    let body: Value = serde_json::from_str(&object.json).map_err(|error| HostFailure::Request {
        what: format!("an input object is no JSON: {error}"),
    })?;
    Ok(body.pointer(at).map(canonical))
}
