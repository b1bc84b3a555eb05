//! The manifest of an artifact with a component, as the CNCF's WebAssembly working group lays it out.

use serde::Deserialize;
use serde_json::{Value, json};
use windlass_core::digest::Digest;

/// Of the manifests that are made here.
pub(super) const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Of the manifests that are read.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
                                   application/vnd.docker.distribution.manifest.v2+json, \
                                   application/vnd.oci.image.index.v1+json";

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    #[serde(default)]
    manifests: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    digest: String,
    size: u64,
    #[serde(default)]
    media_type: String,
}

/// Whether an artifact has a component. Of what media type its layer is doesn't matter: `oras` lets people choose.
pub(super) fn find(manifest: &[u8], wanted: Digest, most: u64) -> Result<(), String> {
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|e| format!("its manifest can't be read: {e}"))?;
    if manifest.manifests.is_some() {
        return Err("it is an index of several artifacts: name one of them by its digest".to_owned());
    }
    let name = wanted.to_string();
    if let Some(layer) = manifest.layers.iter().find(|layer| layer.digest == name) {
        return match layer.size > most {
            true => Err(format!(
                "its component has {} bytes, more than the {most} allowed",
                layer.size
            )),
            false => Ok(()),
        };
    }
    let is_wasm = |layer: &&Layer| layer.media_type == LAYER;
    let found = match manifest.layers.as_slice() {
        [] => return Err("it has no layer, so it holds no component".to_owned()),
        [one] => Some(one),
        all => all.iter().find(is_wasm),
    };
    Err(match found.and_then(|layer| layer.digest.parse::<Digest>().ok()) {
        Some(found) => {
            format!("its component is {found}, admitted is {wanted}: admit the new digest, or name another artifact")
        }
        None => format!("none of its {} layers is {wanted}", manifest.layers.len()),
    })
}

/// The manifest of a component and its config: the same bytes for the same component.
pub(super) fn of(component: &[u8], config: &[u8]) -> Vec<u8> {
    let descriptor = |media_type: &str, blob: &[u8]| json!({"mediaType": media_type, "digest": Digest::of(blob).to_string(), "size": blob.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "artifactType": CONFIG,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor(LAYER, component)],
    });
    manifest.to_string().into_bytes()
}

/// The code of an error, as the distribution specification has them; its text is a stranger's.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let code = answer.pointer("/errors/0/code")?.as_str()?;
    let is_code = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_code.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_found_by_its_digest_whatever_lies_beside_it() {
        let (component, most) = (Digest::of(b"component"), 100);
        let layer = |digest: &Digest, size: u64, kind: &str| json!({"digest": digest.to_string(), "size": size, "mediaType": kind});
        let other = Digest::of(b"other");
        for (layers, says) in [
            (vec![layer(&component, 9, LAYER)], None),
            (
                vec![
                    layer(&other, 9, "text/plain"),
                    layer(&component, 9, "application/octet-stream"),
                ],
                None,
            ),
            (vec![layer(&component, 101, LAYER)], Some("101 bytes")),
            (vec![layer(&other, 9, "x")], Some("admit the new digest")),
            (vec![layer(&component, 9, LAYER), layer(&other, 9, LAYER)], None),
            (
                vec![layer(&other, 9, "x"), layer(&other, 9, "y")],
                Some("none of its 2 layers"),
            ),
            (vec![], Some("no layer")),
        ] {
            let manifest = json!({"layers": layers}).to_string();
            let found = find(manifest.as_bytes(), component, most);
            match says {
                None => assert_eq!(found, Ok(()), "{manifest}"),
                Some(says) => assert!(found.as_ref().is_err_and(|e| e.contains(says)), "{manifest}: {found:?}"),
            }
        }
        assert!(
            find(b"{\"manifests\": []}", component, most)
                .unwrap_err()
                .contains("index")
        );
        assert!(find(b"[]", component, most).is_err());
        assert_eq!(find(&of(b"component", b"{}"), component, most), Ok(()));
    }

    #[test]
    fn a_registry_is_quoted_by_its_codes_alone() {
        let code = |body: &str| error_code(body.as_bytes());
        assert_eq!(
            code(r#"{"errors": [{"code": "DENIED", "message": "s3cret"}]}"#).as_deref(),
            Some("DENIED")
        );
        assert_eq!(code(r#"{"errors": [{"code": "s3cret"}]}"#), None);
        assert_eq!(code("<html>"), None);
    }
}
