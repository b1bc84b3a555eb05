//! An OCI image layout (image-spec 1.1): blobs by digest, a manifest of them, an index. Layers are not compressed: registries take them, and
//! whoever copies the image compresses as they like.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::run::answer;

use super::tar;
use super::tree::{PROGRAM, Tree, USER};

/// A file that makes a folder a layout.
pub(super) const MARK: &str = "oci-layout";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A blob as others refer to it.
struct Blob {
    media_type: &'static str,
    /// `sha256:…`.
    digest: String,
    size: u64,
}

impl Blob {
    /// As a JSON object, with more members.
    fn descriptor(&self, more: &str) -> String {
        let Self {
            media_type,
            digest,
            size,
        } = self;
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
    }
}

/// Writes a layout; answers the manifest's digest.
///
/// # Errors
/// When something can't be read or written.
pub(super) fn write(out: &Path, layers: &[Tree]) -> Result<String, Error> {
    let blobs = out.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
    let mut stored = Vec::new();
    for tree in layers {
        let unnamed = blobs.join("unnamed");
        tar::write(tree, &unnamed)?;
        stored.push(named(&blobs, &unnamed, LAYER)?);
    }
    let digests: Vec<String> = stored.iter().map(|blob| format!("\"{}\"", blob.digest)).collect();
    // The platform is the one that this is built on: the engine runs on no other yet.
    let config = format!(
        r#"{{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{{"User":"{USER}:{USER}","Env":["PATH=/usr/bin","HOME=/tmp"],"Entrypoint":["/{PROGRAM}"],"WorkingDir":"/","Labels":{{"org.opencontainers.image.title":"windlass","org.opencontainers.image.version":"{version}","org.opencontainers.image.licenses":"Apache-2.0"}}}},"rootfs":{{"type":"layers","diff_ids":[{digests}]}}}}"#,
        version = env!("CARGO_PKG_VERSION"),
        digests = digests.join(","),
    );
    let config = text(&blobs, &config, CONFIG)?;
    let layers: Vec<String> = stored.iter().map(|blob| blob.descriptor("")).collect();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        config.descriptor(""),
        layers.join(",")
    );
    let manifest = text(&blobs, &manifest, MANIFEST)?;
    let platform = format!(
        r#","platform":{{"architecture":"amd64","os":"linux"}},"annotations":{{"org.opencontainers.image.ref.name":"{}"}}"#,
        env!("CARGO_PKG_VERSION")
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        manifest.descriptor(&platform)
    );
    put(&out.join("index.json"), &index)?;
    put(&out.join(MARK), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(manifest.digest)
}

fn text(blobs: &Path, content: &str, media_type: &'static str) -> Result<Blob, Error> {
    let unnamed = blobs.join("unnamed");
    put(&unnamed, content)?;
    named(blobs, &unnamed, media_type)
}

fn put(path: &Path, content: &str) -> Result<(), Error> {
    fs::write(path, content).map_err(Error::io("write", path))
}

/// Gives a blob its digest for a name.
fn named(blobs: &Path, file: &Path, media_type: &'static str) -> Result<Blob, Error> {
    let told = answer(Command::new("sha256sum").arg(file));
    let digest = told.as_deref().and_then(|told| told.split_whitespace().next());
    let digest = digest.ok_or_else(|| Error::Missing {
        what: format!("`sha256sum {}` fails", file.display()),
        remedy: "it comes with coreutils".to_owned(),
    })?;
    let size = fs::metadata(file).map_err(Error::io("read", file))?.len();
    let to: PathBuf = blobs.join(digest);
    fs::rename(file, &to).map_err(Error::io("rename", file))?;
    Ok(Blob {
        media_type,
        digest: format!("sha256:{digest}"),
        size,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tree::{Content, Entry};
    use super::*;
    use crate::json::Json;
    use crate::places::scratch::Scratch;

    #[test]
    fn every_blob_is_named_by_its_digest_and_reached_from_the_index() {
        let scratch = Scratch::new("image-layout");
        let entry = Entry {
            content: Content::Text("x".to_owned()),
            mode: 0o644,
        };
        let trees = [Tree(BTreeMap::from([("a".to_owned(), entry)])), Tree::default()];
        let out = scratch.places().root.join("image");
        let digest = write(&out, &trees).unwrap();
        let read = |path: &Path| Json::parse(&fs::read_to_string(path).unwrap()).unwrap();
        let blob = |descriptor: &Json| {
            let digest = descriptor.get("digest").unwrap().text().unwrap();
            let path = out.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
            assert_eq!(
                fs::metadata(&path).unwrap().len(),
                descriptor.get("size").unwrap().count().unwrap()
            );
            let sum = answer(Command::new("sha256sum").arg(&path)).unwrap();
            assert!(sum.starts_with(digest.strip_prefix("sha256:").unwrap()));
            path
        };
        let index = read(&out.join("index.json"));
        let [only] = index.get("manifests").unwrap().items().unwrap() else {
            panic!("one manifest")
        };
        assert_eq!(only.get("digest").unwrap().text(), Some(digest.as_str()));
        let manifest = read(&blob(only));
        let config = read(&blob(manifest.get("config").unwrap()));
        let layers = manifest.get("layers").unwrap().items().unwrap();
        layers.iter().for_each(|layer| drop(blob(layer)));
        let digests: Vec<&Json> = layers.iter().map(|layer| layer.get("digest").unwrap()).collect();
        let ids = config.get("rootfs").unwrap().get("diff_ids").unwrap().items().unwrap();
        // Not compressed, so that a layer and its content have one digest.
        assert_eq!(ids.iter().collect::<Vec<_>>(), digests);
        assert_eq!(fs::read_dir(out.join("blobs/sha256")).unwrap().count(), 4);
        assert_eq!(
            read(&out.join(MARK)).get("imageLayoutVersion").unwrap().text(),
            Some("1.0.0")
        );
    }
}
