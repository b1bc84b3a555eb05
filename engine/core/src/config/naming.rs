//! What Apps and Repositories are called: two namespaces may each have an App `api`.

use super::DEFAULT_NAMESPACE;

/// The name under which a document of a namespace is known: `api` of namespace "default", `shop/api` of any other. No name has a
/// slash in it, so that no two are called the same.
#[must_use]
pub fn id_of(namespace: &str, name: &str) -> String {
    if namespace == DEFAULT_NAMESPACE {
        name.to_owned()
    } else {
        full_name(namespace, name)
    }
}

/// The name with its namespace, whichever that is: as marks, histories and the state have it.
#[must_use]
pub fn full_name(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// Namespace and name of what is called so.
#[must_use]
pub fn parts_of(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((DEFAULT_NAMESPACE, id))
}

/// What a reference means: `db` is of the namespace that it stands in, `infra/db` of another.
#[must_use]
pub fn referred(reference: &str, namespace: &str) -> String {
    match reference.split_once('/') {
        Some((other, name)) => id_of(other, name),
        None => id_of(namespace, reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_of_its_own_namespace_unless_it_names_another() {
        for (reference, namespace, expected) in [
            ("db", "default", "db"),
            ("db", "shop", "shop/db"),
            ("shop/db", "shop", "shop/db"),
            ("infra/db", "shop", "infra/db"),
            ("default/db", "shop", "db"),
            ("infra/db", "default", "infra/db"),
        ] {
            assert_eq!(referred(reference, namespace), expected, "{reference} in {namespace}");
        }
    }

    #[test]
    fn a_name_comes_apart_as_it_was_put_together() {
        for (namespace, name) in [("default", "api"), ("shop", "api")] {
            assert_eq!(parts_of(&id_of(namespace, name)), (namespace, name));
        }
    }
}
