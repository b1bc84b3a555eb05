//! A render as the native tool prints it, byte for byte: `helm template`, `kustomize build`, `jsonnet`, the files themselves.

use windlass_core::render::{Document, attribute};

/// The documents as one text.
///
/// - With a source comment: as `helm template` does, hooks and tests behind everything else.
/// - Without: a single document as it is; several apart by `---`.
#[must_use]
pub fn text(documents: &[Document]) -> Vec<u8> {
    let (commented, bare): (Vec<_>, Vec<_>) = documents
        .iter()
        .partition(|d| d.attribute(attribute::SOURCE_COMMENT).is_some());
    let mut text = if commented.is_empty() {
        Vec::new()
    } else {
        helm(&commented)
    };
    for document in bare {
        append(&mut text, &document.content);
    }
    text
}

/// `helm template` prints the manifests, trimmed as a whole, then each hook. A block is `---`, a comment with the template, the content and a line feed.
fn helm(documents: &[&Document]) -> Vec<u8> {
    let (hooks, manifests): (Vec<_>, Vec<_>) = documents
        .iter()
        .partition(|d| matches!(d.attribute(attribute::ROLE), Some("hook" | "test")));
    let mut text = Vec::new();
    for document in manifests {
        block(&mut text, document);
    }
    text.truncate(text.trim_ascii_end().len());
    text.push(b'\n');
    for document in hooks {
        block(&mut text, document);
    }
    text
}

fn block(text: &mut Vec<u8>, document: &Document) {
    let source = document.attribute(attribute::SOURCE_COMMENT).unwrap_or_default();
    text.extend_from_slice(b"---\n# Source: ");
    text.extend_from_slice(source.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(&document.content);
    text.push(b'\n');
}

fn append(text: &mut Vec<u8>, content: &[u8]) {
    let starts_itself = content.starts_with(b"---") && matches!(content.get(3), None | Some(b'\n' | b'\r' | b' '));
    if !text.is_empty() && !starts_itself {
        text.extend_from_slice(b"---\n");
    }
    text.extend_from_slice(content);
    if !content.ends_with(b"\n") && !content.is_empty() {
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::render::Format;

    use super::*;

    fn document(content: &str, attributes: &[(&str, &str)]) -> Document {
        Document {
            format: Format::Yaml,
            content: content.as_bytes().to_vec(),
            origin: None,
            lines: Vec::new(),
            attributes: attributes
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        }
    }

    fn check(documents: &[Document], expected: &str) {
        assert_eq!(String::from_utf8(text(documents)).unwrap(), expected);
    }

    const SOURCE: &str = attribute::SOURCE_COMMENT;
    const ROLE: &str = attribute::ROLE;

    #[test]
    fn helm_prints_manifests_trimmed_and_hooks_last() {
        let documents = [
            document("kind: Job", &[(SOURCE, "c/templates/hook.yaml"), (ROLE, "hook")]),
            document("kind: CRD\n", &[(SOURCE, "crds/a.yaml"), (ROLE, "crd")]),
            document("kind: Service\n\n", &[(SOURCE, "c/templates/svc.yaml")]),
            document("kind: Pod\n", &[(SOURCE, "c/templates/tests/t.yaml"), (ROLE, "test")]),
        ];
        check(
            &documents,
            "---\n# Source: crds/a.yaml\nkind: CRD\n\n---\n# Source: c/templates/svc.yaml\nkind: Service\n\
             ---\n# Source: c/templates/hook.yaml\nkind: Job\n---\n# Source: c/templates/tests/t.yaml\nkind: Pod\n\n",
        );
    }

    #[test]
    fn a_chart_of_hooks_only_starts_with_the_line_feed_of_its_manifests() {
        let documents = [document("kind: Job", &[(SOURCE, "h.yaml"), (ROLE, "hook")])];
        check(&documents, "\n---\n# Source: h.yaml\nkind: Job\n");
    }

    #[test]
    fn kustomize_joins_documents() {
        check(&[document("a: 1\n", &[]), document("b: 2\n", &[])], "a: 1\n---\nb: 2\n");
    }

    #[test]
    fn one_document_stays_as_it_is() {
        check(&[document("{\n   \"a\": 1\n}\n", &[])], "{\n   \"a\": 1\n}\n");
        check(&[document("---\na: 1\n", &[])], "---\na: 1\n");
        check(&[], "");
    }

    #[test]
    fn a_document_that_starts_itself_gets_no_second_mark() {
        check(
            &[
                document("a: 1", &[]),
                document("---\nb: 2\n", &[]),
                document("---x: 3\n", &[]),
            ],
            "a: 1\n---\nb: 2\n---\n---x: 3\n",
        );
    }
}
