//! One object as a file: where it lies, its mark, its text.

use std::path::PathBuf;

use serde_json::Value;
use windlass_core::{
    diff::{LiveObject, Mark},
    digest::Digest,
    model::{ObjectId, canonical},
    owner::Owner,
    yaml,
};

/// Key of the mark's line.
const MARK: &str = "# windlass.dev/owner: ";

/// Longest file name made: file systems take 255 bytes, and temporary names want room.
const MAX_NAME: usize = 200;

/// The app's own folder: `APP`, or `NAMESPACE~APP` where it is of another namespace than "default". No name has a `~` in it.
pub(super) fn folder(app: &str) -> PathBuf {
    PathBuf::from(match app.split_once('/') {
        Some((namespace, name)) => format!("{}~{}", encode(namespace), encode(name)),
        None => encode(app),
    })
}

/// `APP/NAMESPACE/Kind.group-name.yaml`; `_cluster` stands for the namespace of objects that have none.
pub(super) fn path(app: &str, id: &ObjectId) -> PathBuf {
    let namespace = if id.namespace.is_empty() {
        "_cluster".to_owned()
    } else {
        encode(&id.namespace)
    };
    let name = shorten(&encode(&format!("{}-{}", id.group_kind(), id.name)));
    folder(app).join(namespace).join(format!("{name}.yaml"))
}

/// The text of an object's file.
pub(super) fn write(owner: &Owner, id: &ObjectId, body: &Value) -> String {
    let mark = owner.mark(id);
    format!(
        "# Written by Windlass for app {}/{}. Edits made here are undone: change the repository instead.\n{MARK}{mark}\n{}",
        owner.namespace,
        owner.app,
        yaml::write(body)
    )
}

/// What lives in a file.
pub(super) fn read(bytes: &[u8], owner: &Owner, id: &ObjectId) -> LiveObject {
    let text = String::from_utf8_lossy(bytes);
    let marked = marked(&text, owner, id);
    let body = match yaml::parse(&text) {
        Ok(mut documents) if documents.len() == 1 => documents.pop().map(|d| d.value).filter(Value::is_object),
        _ => None,
    };
    let hash = body.as_ref().map(|body| Digest::of(canonical(body).as_bytes()));
    LiveObject::whole(hash, body, marked)
}

/// The mark counts among the leading comment lines only.
fn marked(text: &str, owner: &Owner, id: &ObjectId) -> Mark {
    let found = text
        .lines()
        .take_while(|l| l.starts_with('#'))
        .find_map(|l| l.strip_prefix(MARK));
    owner.judge(found.and_then(|mark| Owner::claiming(mark.trim(), id)).as_ref())
}

/// Names may hold `:` and more; what is not plain becomes `%XX`, and a leading dot too, so that no name is hidden or special.
fn encode(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && at > 0);
        if plain {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    format!("{}-{}", &name[..MAX_NAME - 13], Digest::of(name.as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_core::diff::Content;

    use super::*;

    fn owner(app: &str) -> Owner {
        Owner {
            installation: "0123456789ab".into(),
            namespace: "default".into(),
            app: app.into(),
        }
    }

    fn id(name: &str) -> ObjectId {
        ObjectId {
            group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    #[test]
    fn every_name_has_a_plain_path_of_its_own() {
        assert_eq!(
            path("api", &id("system:x/y")).to_str(),
            Some("api/shop/Role.rbac.authorization.k8s.io-system%3Ax%2Fy.yaml")
        );
        assert_eq!(encode("../x"), "%2E.%2Fx");
        let long = |end: &str| path("api", &id(&format!("{}{end}", "a".repeat(253))));
        assert_ne!(long("1"), long("2"));
        assert!(long("1").file_name().unwrap().len() < 255);
    }

    #[test]
    fn a_file_reads_what_was_written() {
        let body = json!({"apiVersion": "v1", "data": {"a": "yes", "b": "0777"}});
        let text = write(&owner("api"), &id("a"), &body);
        let live = read(text.as_bytes(), &owner("api"), &id("a"));
        assert_eq!((live.body, live.marked), (Some(body), Mark::Ours));
    }

    #[test]
    fn marks_tell_whose_it_is() {
        let text = write(&owner("api"), &id("a"), &json!({}));
        let see = |app: &str, name: &str| read(text.as_bytes(), &owner(app), &id(name)).marked;
        assert_eq!(see("web", "a"), Mark::Other("default/api".into()));
        assert_eq!(see("api", "copy"), Mark::Absent);
        let other = Owner {
            installation: "ba9876543210".into(),
            ..owner("api")
        };
        assert_eq!(
            read(text.as_bytes(), &other, &id("a")).marked,
            Mark::Other("default/api of another installation".into())
        );
        assert_eq!(read(b"a: 1\n", &owner("api"), &id("a")).marked, Mark::Absent);
    }

    #[test]
    fn garbage_is_no_object() {
        for bytes in [b"a: [".as_slice(), b"", b"\xff\xfe", b"a: 1\n---\nb: 1\n"] {
            assert_eq!(read(bytes, &owner("api"), &id("a")).content, Content::Whole(None));
        }
    }
}
