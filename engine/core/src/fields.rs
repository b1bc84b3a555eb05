//! Which fields of an object a manager owns, as `metadata.managedFields` says it (`FieldsV1`), and what lives in them.
//!
//! The rules are those of `sigs.k8s.io/structured-merge-diff`, without a schema: a set names items of associative lists by their
//! keys, items of set lists by their value, and owns an atomic map or list as a whole.
//!
//! - [`FieldPath`]: one field, as the API server prints it; [`FieldSet`]: many;
//! - [`project`]: what an object holds in the fields of a set: equal projections mean that nothing of it changed;
//! - [`without`]: an object less some fields, to apply the rest.

mod json;
mod element;
mod path;
pub(crate) mod text;
mod set;
mod wire;
mod find;
mod project;
mod shown;
mod without;
#[cfg(test)]
pub(crate) mod testing;

pub use element::Element;
pub use json::Json;
pub use path::FieldPath;
pub use project::{project, project_beside, projection};
pub use set::FieldSet;
pub use shown::shown;
pub use text::BadPath;
pub use wire::BadFields;
pub use without::without;
