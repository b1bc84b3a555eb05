//! Generated values through the sandboxed Helm plugin: stable across revisions, different between apps, independent of each
//! other, and marked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use windlass_core::render::{Document, attribute};
use windlass_tests::native::found;

use crate::native::NATIVE;

/// When renders take place unless they say otherwise: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

/// One of each function that draws and is quick. The values are told apart by their keys alone.
const QUICK: &str = r#"apiVersion: v1
kind: Secret
metadata: {name: quick}
stringData:
  alphanum: {{ randAlphaNum 16 | quote }}
  alphanum-again: {{ randAlphaNum 16 | quote }}
  longer: {{ randAlphaNum 24 | quote }}
  alpha: {{ randAlpha 16 | quote }}
  numeric: {{ randNumeric 16 | quote }}
  ascii: {{ randAscii 16 | b64enc | quote }}
  bytes: {{ randBytes 16 | quote }}
  uuid: {{ uuidv4 | quote }}
  int: {{ randInt 0 1000000000 | quote }}
  shuffled: {{ shuffle "abcdefghijklmnopqrstuvwxyz" | quote }}
  htpasswd: {{ htpasswd "user" "password" | quote }}
  bcrypt: {{ bcrypt "password" | quote }}
  aes: {{ encryptAES "key" "text" | quote }}
  ecdsa: {{ genPrivateKey "ecdsa" | sha256sum | quote }}
  ed25519: {{ genPrivateKey "ed25519" | sha256sum | quote }}
"#;

/// RSA keys, half a second each.
const CERTIFICATES: &str = r#"{{- $ca := genCA "ca" 365 }}
{{- $self := genSelfSignedCert "self" nil nil 10 }}
{{- $signed := genSignedCert "signed" nil (list "a.example.org") 10 $ca }}
apiVersion: v1
kind: Secret
metadata: {name: certificates}
stringData:
  ca: {{ $ca.Cert | quote }}
  self: {{ $self.Cert | quote }}
  signed: {{ $signed.Cert | quote }}
  key: {{ $signed.Key | sha256sum | quote }}
"#;

/// Renders templates as a chart of an app.
fn documents(app: &str, now: i64, templates: &[(&str, &str)]) -> Vec<Document> {
    let chart = tempfile::tempdir().unwrap();
    fs::create_dir(chart.path().join("templates")).unwrap();
    fs::write(
        chart.path().join("Chart.yaml"),
        "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
    )
    .unwrap();
    for (name, text) in templates {
        fs::write(chart.path().join("templates").join(name), text).unwrap();
    }
    let case = found(chart.path()).unwrap().remove(0).of_app(app).at(now);
    NATIVE.render(&case).unwrap().unwrap()
}

/// The values of all lines `key: "value"`.
fn values(documents: &[Document]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for document in documents {
        for line in String::from_utf8_lossy(&document.content).lines() {
            if let Some((key, value)) = line.trim().split_once(": \"") {
                values.insert(key.to_owned(), value.trim_end_matches('"').to_owned());
            }
        }
    }
    values
}

/// Every value of `before` is in `after` as it was.
fn assert_kept(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    assert!(before.len() > 2);
    for (key, value) in before {
        assert_eq!(after.get(key), Some(value), "{key}");
    }
}

#[test]
fn values_stay_when_something_else_changes() {
    let before = documents("a", NOW, &[("quick.yaml", QUICK), ("certificates.yaml", CERTIFICATES)]);
    // Namespaces come first: Helm trims what comes last.
    let unrelated = "apiVersion: v1\nkind: Namespace\nmetadata: {name: unrelated}\n";
    let after = documents(
        "a",
        NOW,
        &[
            ("0.yaml", unrelated),
            ("certificates.yaml", CERTIFICATES),
            ("quick.yaml", QUICK),
        ],
    );
    let texts = |documents: &[Document]| -> Vec<String> {
        let contents = documents.iter().map(|document| &document.content);
        contents
            .map(|content| String::from_utf8_lossy(content).into_owned())
            .collect()
    };
    assert_eq!(texts(&before), texts(&after)[1..]);
    assert_kept(&values(&before), &values(&after));
}

#[test]
fn an_added_call_rotates_no_other() {
    let before = values(&documents("a", NOW, &[("quick.yaml", QUICK)]));
    // Before every line one of the same function, and another template in front.
    let doubled: String = QUICK
        .lines()
        .map(|line| match line.strip_prefix("  ").and_then(|l| l.split_once(": ")) {
            Some((key, call)) if call.starts_with("{{") => format!("  new-{key}: {call}\n{line}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let first = QUICK.replace("name: quick", "name: first").replace("  ", "  first-");
    let first = first.replace("  first-name", "  name");
    let after = values(&documents("a", NOW, &[("0.yaml", &first), ("quick.yaml", &doubled)]));
    assert_eq!(after.len(), 3 * before.len());
    assert_kept(&before, &after);
    // And all of them differ from each other.
    assert_eq!(after.values().collect::<BTreeSet<_>>().len(), after.len());
}

#[test]
fn apps_have_values_of_their_own() {
    let of = |app: &str| values(&documents(app, NOW, &[("quick.yaml", QUICK)]));
    let (a, b) = (of("a"), of("b"));
    assert!(a.keys().eq(b.keys()));
    for (key, value) in &a {
        assert_ne!(value, &b[key], "{key}");
    }
}

#[test]
fn a_longer_password_does_not_begin_with_the_shorter_one() {
    let of = |length: u32| {
        let text = format!(
            "kind: X\napiVersion: v1\nmetadata: {{name: x}}\nk: {{{{ randAlphaNum {length} | quote }}}}\nl: \"1\"\nm: \"2\"\n"
        );
        values(&documents("a", NOW, &[("x.yaml", &text)])).remove("k").unwrap()
    };
    let (short, long) = (of(16), of(24));
    assert!(
        short.len() == 16 && long.len() == 24 && !long.starts_with(&short[..4]),
        "{short} {long}"
    );
}

#[test]
fn certificates_are_valid_from_the_time_of_the_render() {
    let at = |now: i64| documents("a", now, &[("certificates.yaml", CERTIFICATES)]);
    let (first, later) = (at(NOW), at(NOW + 86_400));
    let text = |documents: &[Document]| String::from_utf8(documents[0].content.clone()).unwrap();
    for (key, begins, ends) in [
        ("ca", "260101000000Z", "270101000000Z"),
        ("self", "260101000000Z", "260111000000Z"),
        ("signed", "260101000000Z", "260111000000Z"),
    ] {
        let der = certificate(&text(&first), key);
        let has = |time: &str| der.windows(time.len()).any(|window| window == time.as_bytes());
        assert!(has(begins) && has(ends), "{key}");
        assert!(
            certificate(&text(&later), key)
                .windows(13)
                .any(|w| w == b"260102000000Z"),
            "{key}"
        );
    }
    // The keys are the same: a certificate is renewed, not replaced.
    assert_eq!(values(&first)["key"], values(&later)["key"]);
}

/// A certificate of the rendered document, as DER: its times are ASCII within.
fn certificate(text: &str, key: &str) -> Vec<u8> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(&format!("{key}: ")))
        .unwrap();
    let pem: String = serde_json::from_str(line).unwrap();
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

#[test]
fn previews_name_what_was_generated() {
    let mark = |text: &str| {
        let documents = documents("a", NOW, &[("x.yaml", text)]);
        documents[0].attribute(attribute::GENERATED).map(str::to_owned)
    };
    let fields = mark(QUICK).unwrap();
    assert!(
        fields.contains("/stringData/uuid") && !fields.contains("/metadata"),
        "{fields}"
    );
    assert_eq!(mark("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"), None);
}
