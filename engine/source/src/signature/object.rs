//! What of a commit or a tag is signed, taken from its bytes as git hashes them.

use gix::{
    ObjectId,
    objs::{CommitRef, CommitRefIter, Kind, TagRef},
};

use super::{Flaw, malformed};

/// A commit or tag, taken apart.
#[derive(Debug)]
pub(crate) struct SignedObject {
    /// What was signed: the object without its signature.
    pub(crate) payload: Vec<u8>,
    /// In its armor.
    pub(crate) signature: String,
    /// When it was made by its own word, in seconds.
    pub(crate) time: i64,
}

/// The header of a commit that holds its signature; more of its kind begin like this.
const HEADER: &[u8] = b"gpgsig";

/// How signatures begin in a tag's text.
const BEGINNINGS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

/// A commit by its bytes, which are hashed once more: what is verified is what the id names.
///
/// # Errors
/// When it has no signature, or more than one.
pub(crate) fn commit(id: &gix::oid, data: &[u8]) -> Result<SignedObject, Flaw> {
    is_what_its_id_says(id, Kind::Commit, data)?;
    let kind = gix::hash::Kind::Sha1;
    let found = CommitRefIter::signature(data, kind).map_err(malformed)?;
    let (signature, signed) = found.ok_or(Flaw::Missing)?;
    let payload: Vec<u8> = signed.to_bstring().into();
    let mut headers = payload.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    // git drops them all before it verifies; a second one would be in what it shows, and in nothing that was signed.
    if headers.any(|line| line.starts_with(HEADER)) {
        return Err(malformed("there is more than one"));
    }
    let time = CommitRef::from_bytes(data, kind).and_then(|commit| commit.committer()?.time());
    Ok(SignedObject {
        payload,
        signature: text(signature.as_ref())?,
        time: time.map_err(malformed)?.seconds,
    })
}

/// A tag by its bytes, hashed once more. `name`: its short name, for which it must have been signed.
///
/// # Errors
/// When it has no signature, or calls itself otherwise.
pub(crate) fn tag(id: &gix::oid, data: &[u8], name: &str) -> Result<SignedObject, Flaw> {
    is_what_its_id_says(id, Kind::Tag, data)?;
    let tag = TagRef::from_bytes(data, gix::hash::Kind::Sha1).map_err(malformed)?;
    let said: &[u8] = tag.name.as_ref();
    if said != name.as_bytes() {
        return Err(Flaw::TagName {
            found: tag.name.to_string().escape_debug().to_string(),
        });
    }
    let at = begin_of_signature(data).ok_or(Flaw::Missing)?;
    let time = tag.tagger().map_err(malformed)?;
    let time = time
        .ok_or_else(|| malformed("the tag does not say when it was made"))?
        .time();
    Ok(SignedObject {
        payload: data[..at].to_vec(),
        signature: text(&data[at..])?,
        time: time.map_err(malformed)?.seconds,
    })
}

/// The last line that begins one, as git takes it: what stands before is part of what was signed.
fn begin_of_signature(data: &[u8]) -> Option<usize> {
    let lines = data.split_inclusive(|byte| *byte == b'\n');
    let mut at = 0;
    let mut found = None;
    for line in lines {
        if BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
            found = Some(at);
        }
        at += line.len();
    }
    found
}

fn is_what_its_id_says(id: &gix::oid, kind: Kind, data: &[u8]) -> Result<(), Flaw> {
    let computed: ObjectId = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data).map_err(malformed)?;
    if *computed == *id {
        Ok(())
    } else {
        Err(malformed(format!("its bytes are those of {computed}")))
    }
}

fn text(signature: &[u8]) -> Result<String, Flaw> {
    String::from_utf8(signature.to_vec()).map_err(|_| malformed("it is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: Kind, data: &[u8]) -> ObjectId {
        gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data).unwrap()
    }

    const HEAD: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1700000000 +0000\n\
                        committer C <c@d> 1700000060 +0100\n";

    #[test]
    fn a_commit_without_its_signature_is_what_was_signed() {
        let signed = format!("{HEAD}gpgsig -----BEGIN X-----\n \n abc\n -----END X-----\n\nwords\n");
        let object = commit(&id(Kind::Commit, signed.as_bytes()), signed.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(object.payload).unwrap(), format!("{HEAD}\nwords\n"));
        assert_eq!(object.signature.trim(), "-----BEGIN X-----\n\nabc\n-----END X-----");
        assert_eq!(object.time, 1_700_000_060);
    }

    #[test]
    fn commits_that_have_none_or_several() {
        let of = |text: &str| commit(&id(Kind::Commit, text.as_bytes()), text.as_bytes()).unwrap_err();
        assert_eq!(of(&format!("{HEAD}\ngpgsig in its words\n")), Flaw::Missing);
        for second in ["gpgsig b", "gpgsig-sha256 b"] {
            let flaw = of(&format!("{HEAD}gpgsig a\n{second}\n\nwords\n"));
            assert!(flaw.to_string().contains("more than one"), "{flaw}");
        }
        let signed = format!("{HEAD}gpgsig a\n\nwords\n");
        let other = id(Kind::Commit, b"else");
        let flaw = commit(&other, signed.as_bytes()).unwrap_err();
        assert!(flaw.to_string().contains("its bytes are those of"), "{flaw}");
    }

    const TAG: &str = "object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit\ntag v1\ntagger T <t@u> 1700000000 +0000\n\nwords\n";

    #[test]
    fn a_tag_ends_with_its_signature() {
        let of = |text: &str, name| tag(&id(Kind::Tag, text.as_bytes()), text.as_bytes(), name);
        let signature = "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n";
        let object = of(&format!("{TAG}{signature}"), "v1").unwrap();
        assert_eq!(
            (object.payload.as_slice(), object.signature.as_str()),
            (TAG.as_bytes(), signature)
        );
        // One that is quoted in its words is signed with them.
        let quoted = format!("{TAG}{signature}");
        let object = of(&format!("{quoted}{signature}"), "v1").unwrap();
        assert_eq!(object.payload, quoted.as_bytes());
        assert_eq!(of(TAG, "v1").unwrap_err(), Flaw::Missing);
        assert_eq!(
            of(&format!("{TAG}{signature}"), "v2").unwrap_err(),
            Flaw::TagName { found: "v1".into() }
        );
    }
}
