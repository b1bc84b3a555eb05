//! What somebody may have meant.

use crate::schema::{Object, Rest, Schema, Shape};

/// The one of `known` that is written most like `word`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let distance = |candidate: &'a str| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate);
    let (distance, candidate) = known.map(distance).min()?;
    // A third of the letters: fewer would miss a doubled typing error in a short word, more would name anything.
    (distance <= (word.len() / 3).max(1)).then_some(candidate)
}

/// How deep a misplaced field is looked for.
const DEPTH: usize = 3;

/// Where below `object` a field called `name` belongs, as people write it; the place nearest to `object`.
pub(crate) fn below(object: &Object, name: &str) -> Option<String> {
    (1..=DEPTH).find_map(|depth| at_depth(object, name, depth))
}

fn at_depth(object: &Object, name: &str, depth: usize) -> Option<String> {
    object
        .fields
        .iter()
        .filter(|field| field.name != "status")
        .find_map(|field| {
            let inner = inner(&field.schema)?;
            let found = if depth == 1 {
                inner.field(name).map(|found| found.name.clone().into_owned())
            } else {
                at_depth(inner, name, depth - 1)
            };
            found.map(|found| format!("{}.{found}", field.name))
        })
}

/// The fields of a map that has no others.
fn inner(schema: &Schema) -> Option<&Object> {
    match &schema.shape {
        Shape::Object(object) if matches!(object.rest, Rest::Unknown) => Some(object),
        Shape::Same(schema) => inner(schema),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_and_far_ones_are_not() {
        let known = ["replicas", "selector", "template", "minReadySeconds"];
        for (word, expected) in [
            ("replica", Some("replicas")),
            ("Replicas", Some("replicas")),
            ("repilcas", Some("replicas")),
            ("minreadyseconds", Some("minReadySeconds")),
            ("strategies", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
        }
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
