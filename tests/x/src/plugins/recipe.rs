//! What a component is made from.

use crate::error::Error;
use crate::inputs::Inputs;
use crate::lockfile;
use crate::places::Places;

use super::list::{Language, Plugin, read, scalar};

/// The digest of all that the component is made from.
///
/// # Errors
/// When an input can't be read.
pub(super) fn inputs(places: &Places, plugin: &Plugin) -> Result<String, Error> {
    let root = &places.root;
    let lockfile = read(&root.join("Cargo.lock"))?;
    let mut inputs = Inputs::default();
    // The builder: its own sources, the manifest it writes, and the libraries that shape the component.
    for path in [&plugin.folder, "wit", "sdk/build", "engine/core/src/plugin.rs"] {
        inputs.add_path(root, path)?;
    }
    inputs.add(
        "windlass-build in Cargo.lock",
        lockfile::closure(&lockfile, "windlass-build").join("\n"),
    );
    match plugin.language {
        Language::Go => inputs.add_path(root, "sdk/go")?,
        Language::Rust => {
            inputs.add_path(root, "sdk/rust")?;
            let package = scalar(&read(&root.join(&plugin.folder).join("Cargo.toml"))?, "name", " = ");
            inputs.add(
                "plugin in Cargo.lock",
                lockfile::closure(&lockfile, &package.unwrap_or_default()).join("\n"),
            );
            inputs.add("profile", section(&read(&root.join("Cargo.toml"))?, "[profile.guest]"));
        }
    }
    Ok(inputs.digest())
}

/// A section of a TOML file, up to the next.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let start = text.find(title).unwrap_or(text.len());
    let end = text[start..].find("\n[").map_or(text.len(), |length| start + length);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::list::first_party;
    use crate::plugins::list::tests::workspace;

    #[test]
    fn inputs_are_what_the_component_is_made_from() {
        let scratch = workspace("recipe");
        let places = scratch.places();
        let digests = || -> Vec<String> {
            let found = first_party(&places).unwrap();
            found.iter().map(|plugin| inputs(&places, plugin).unwrap()).collect()
        };
        let mut before = digests();
        for (path, rust, go) in [
            ("sdk/rust/src/lib.rs", true, false),
            ("sdk/go/plugin.go", false, true),
            ("wit/0.1.0/plugin.wit", true, true),
            ("sdk/build/src/main.rs", true, true),
            ("plugins/helm/go.sum", false, true),
            ("plugins/yaml/src/lib.rs", true, false),
            ("engine/windlass/src/lib.rs", false, false),
        ] {
            scratch.file(path, "changed");
            let after = digests();
            assert_eq!((after[0] != before[0], after[1] != before[1]), (rust, go), "{path}");
            before = after;
        }
    }

    #[test]
    fn a_changed_guest_profile_counts_and_its_neighbours_do_not() {
        assert_eq!(
            section("[a]\nb = 1\n[profile.guest]\nlto = true\n\n[c]\n", "[profile.guest]"),
            "[profile.guest]\nlto = true\n"
        );
        assert_eq!(section("[a]\n", "[profile.guest]"), "");
    }
}
