//! Finds what `import` names.
//!
//! Beside the importing file first, then in the library folders, the last one first (as with `jsonnet -J`), then in
//! the app's folder and in its `vendor`, where jsonnet-bundler puts packages. Each look is recorded by the host, a
//! miss too: a file that appears later at an earlier place makes the app render anew.

use windlass_sdk::{Diagnostic, Location, Refusal, path};

use crate::config::Config;
use crate::files::Files;

/// Where jsonnet-bundler puts packages.
const VENDOR: &str = "vendor";

/// A file that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path in the tree.
    pub(crate) path: String,
    /// Its contents.
    pub(crate) bytes: Vec<u8>,
}

/// Looks for imports in a tree.
pub(crate) struct Importer<'t> {
    files: &'t dyn Files,
    /// Folders to search, in order.
    search: Vec<String>,
}

impl<'t> Importer<'t> {
    /// For the app whose folder is `folder`.
    pub(crate) fn new(files: &'t dyn Files, folder: &str, config: &Config) -> Result<Self, Box<Diagnostic>> {
        let mut search = Vec::new();
        for (index, lib) in config.libs.iter().enumerate().rev() {
            let lib = path::join("", lib).map_err(|escapes| {
                Diagnostic::error("bad-path", escapes.to_string()).at(Location::Config(format!("/libs/{index}")))
            })?;
            search.push(lib);
        }
        search.push(folder.to_owned());
        search.push(if folder.is_empty() {
            VENDOR.to_owned()
        } else {
            format!("{folder}/{VENDOR}")
        });
        Ok(Self { files, search })
    }

    /// The file `wanted`, imported by the file at `from`; without `from` (code in the config) only libraries count.
    ///
    /// # Errors
    /// A sentence that says where was looked.
    pub(crate) fn find(&self, from: Option<&str>, wanted: &str) -> Result<Found, String> {
        let mut tried: Vec<String> = Vec::new();
        for folder in from
            .map(path::parent)
            .into_iter()
            .chain(self.search.iter().map(String::as_str))
        {
            // What leads out of the tree from one folder may be fine from another.
            let Ok(candidate) = path::join(folder, wanted) else {
                continue;
            };
            if tried.contains(&candidate) {
                continue;
            }
            match self.files.read(&candidate) {
                Ok(bytes) => return Ok(Found { path: candidate, bytes }),
                Err(Refusal::NotFound) => tried.push(candidate),
                Err(refusal) => return Err(refusal.describe(&candidate)),
            }
        }
        if tried.is_empty() {
            return Err(format!("`{wanted}` leads out of the repository"));
        }
        Err(format!("`{wanted}` doesn't exist; looked for `{}`", tried.join("`, `")))
    }

    /// The program at `path`, which nobody imports.
    pub(crate) fn program(&self, path: &str) -> Result<Found, Box<Diagnostic>> {
        match self.files.read(path) {
            Ok(bytes) => Ok(Found {
                path: path.to_owned(),
                bytes,
            }),
            Err(refusal) => Err(Box::new(refusal.at(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Files for BTreeMap<&str, &str> {
        fn read(&self, path: &str) -> Result<Vec<u8>, Refusal> {
            self.get(path)
                .map(|text| text.as_bytes().to_vec())
                .ok_or(Refusal::NotFound)
        }
    }

    fn find(from: Option<&str>, wanted: &str) -> Result<String, String> {
        let files = BTreeMap::from([
            ("apps/web/a.libsonnet", ""),
            ("apps/web/vendor/k.libsonnet", ""),
            ("lib/a.libsonnet", ""),
            ("lib/b.libsonnet", ""),
            ("lib2/b.libsonnet", ""),
        ]);
        let config = Config {
            libs: vec!["lib".to_owned(), "/lib2/".to_owned()],
            ..Config::default()
        };
        let importer = Importer::new(&files, "apps/web", &config).unwrap();
        importer.find(from, wanted).map(|found| found.path)
    }

    #[test]
    fn the_importers_folder_comes_first_then_the_last_library() {
        let main = Some("apps/web/main.jsonnet");
        assert_eq!(find(main, "a.libsonnet").as_deref(), Ok("apps/web/a.libsonnet"));
        assert_eq!(find(Some("lib/x"), "a.libsonnet").as_deref(), Ok("lib/a.libsonnet"));
        assert_eq!(find(main, "b.libsonnet").as_deref(), Ok("lib2/b.libsonnet"));
        assert_eq!(find(main, "k.libsonnet").as_deref(), Ok("apps/web/vendor/k.libsonnet"));
        assert_eq!(find(main, "../../lib/b.libsonnet").as_deref(), Ok("lib/b.libsonnet"));
        assert_eq!(find(None, "a.libsonnet").as_deref(), Ok("lib/a.libsonnet"));
    }

    #[test]
    fn what_is_not_there_says_where_was_looked() {
        let message = find(Some("apps/web/main.jsonnet"), "c.libsonnet").unwrap_err();
        assert_eq!(
            message,
            "`c.libsonnet` doesn't exist; looked for `apps/web/c.libsonnet`, `lib2/c.libsonnet`, \
             `lib/c.libsonnet`, `apps/web/vendor/c.libsonnet`"
        );
        let message = find(Some("apps/web/main.jsonnet"), "../../../../x").unwrap_err();
        assert_eq!(message, "`../../../../x` leads out of the repository");
    }

    #[test]
    fn a_library_outside_of_the_tree_is_told_at_its_place() {
        let config = Config {
            libs: vec!["ok".to_owned(), "../x".to_owned()],
            ..Config::default()
        };
        let files: BTreeMap<&str, &str> = BTreeMap::new();
        let Err(diagnostic) = Importer::new(&files, "", &config) else {
            panic!("accepted")
        };
        assert_eq!(diagnostic.at, Location::Config("/libs/1".to_owned()));
    }
}
