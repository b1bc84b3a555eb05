//! Signatures of OpenPGP keys, and the keys with what their owners say of them.

use std::time::{SystemTime, UNIX_EPOCH};

use pgp::{
    composed::{Deserializable as _, DetachedSignature, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{PublicKey, PublicSubkey, Signature, SignatureType, SignatureVersion, SubpacketData},
    types::{KeyDetails, KeyId, PublicParams, Tag},
};
use rsa::traits::PublicKeyParts as _;
use windlass_core::moment;

use super::{Flaw, Keys, SignedObject, at, malformed};

/// How a key block begins and ends.
const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// Least bits of an RSA key: shorter ones can be broken.
const MIN_RSA_BITS: usize = 2048;

/// A public key with its subkeys.
#[derive(Debug)]
pub(super) struct Certificate {
    /// First of its user ids.
    name: String,
    is_revoked: bool,
    /// Seconds; none = never.
    expires: Option<i64>,
    keys: Vec<SigningKey>,
}

/// The primary key or a subkey that may sign.
#[derive(Debug)]
struct SigningKey {
    part: Part,
    is_revoked: bool,
    created: i64,
    expires: Option<i64>,
}

#[derive(Debug)]
enum Part {
    Primary(PublicKey),
    Sub(PublicSubkey),
}

/// Checks a signature. Answers the key's long id and whose it is.
pub(super) fn verify(object: &SignedObject, keys: &Keys) -> Result<(String, String), Flaw> {
    let signature = read_signature(&object.signature)?;
    let issuers = issuers(&signature);
    let Some(first) = issuers.first() else {
        return Err(malformed("it does not say by which key it was made"));
    };
    let all = keys.openpgp.iter();
    let mut candidates = all.flat_map(|certificate| certificate.keys.iter().map(move |key| (certificate, key)));
    let Some((certificate, key)) = candidates.find(|(_, key)| issuers.contains(&key.id())) else {
        return Err(Flaw::UnknownKey {
            key: first.clone(),
            known: keys.len(),
        });
    };
    let id = key.id();
    if let Some(method) = weakness(&signature, key) {
        return Err(Flaw::Weak { key: id, method });
    }
    key.verify(&signature, &object.payload)
        .map_err(|_| Flaw::Mismatch { key: id.clone() })?;
    if certificate.is_revoked || key.is_revoked {
        return Err(Flaw::Revoked { key: id });
    }
    let made = signature.created().map(|made| i64::from(made.as_secs()));
    let made = made.ok_or_else(|| malformed("it does not say when it was made"))?;
    if let Some(validity) = certificate.invalid(key, made).or_else(|| outlived(&signature, made)) {
        return Err(Flaw::Expired {
            key: id,
            at: at(made),
            validity,
        });
    }
    Ok((id, certificate.name.clone()))
}

/// Exactly one, over bytes as they are: a text signature would hold for other line ends as well, and two would be two opinions.
fn read_signature(text: &str) -> Result<Signature, Flaw> {
    let (mut found, _) = DetachedSignature::from_armor_many(text.as_bytes()).map_err(malformed)?;
    let signature = found
        .next()
        .ok_or_else(|| malformed("it is empty"))?
        .map_err(malformed)?
        .signature;
    if found.next().is_some() {
        return Err(malformed("there is more than one"));
    }
    if !matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6) {
        return Err(malformed("it is of an old or unknown version"));
    }
    if signature.typ() != Some(SignatureType::Binary) {
        return Err(malformed("it is not one over binary data"));
    }
    Ok(signature)
}

/// Ids of the key that it says it is by, the surest first.
fn issuers(signature: &Signature) -> Vec<String> {
    let by_fingerprint = signature.issuer_fingerprint().into_iter();
    let by_fingerprint = by_fingerprint.filter_map(|fingerprint| {
        let bytes = fingerprint.as_bytes();
        // The id is the end of a fingerprint of version 4, and the beginning of one of version 6.
        let id = if bytes.len() == 20 {
            bytes.get(12..)
        } else {
            bytes.get(..8)
        };
        Some(hex(id?))
    });
    let by_id = signature.issuer_key_id().into_iter().filter(|id| !id.is_wildcard());
    by_fingerprint.chain(by_id.map(long_id)).collect()
}

fn weakness(signature: &Signature, key: &SigningKey) -> Option<String> {
    if let Some(hash @ (HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160)) = signature.hash_alg() {
        return Some(hash.to_string());
    }
    match key.params() {
        PublicParams::RSA(rsa) if rsa.key.n().bits() < MIN_RSA_BITS => {
            Some(format!("RSA of {} bits", rsa.key.n().bits()))
        }
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => Some("a key of an old kind".to_owned()),
        _ => None,
    }
}

/// A signature may say itself how long it holds.
fn outlived(signature: &Signature, made: i64) -> Option<String> {
    let holds = signature
        .signature_expiration_time()
        .map(|holds| i64::from(holds.as_secs()));
    let end = made + holds.filter(|holds| *holds > 0)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_over = i64::try_from(now.as_secs()).unwrap_or(i64::MAX) >= end;
    is_over.then(|| format!("said that it holds until {} only", moment::text(at(end))))
}

fn long_id(id: &KeyId) -> String {
    hex(id.as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

impl SigningKey {
    fn id(&self) -> String {
        match &self.part {
            Part::Primary(key) => long_id(&key.legacy_key_id()),
            Part::Sub(key) => long_id(&key.legacy_key_id()),
        }
    }

    fn params(&self) -> &PublicParams {
        match &self.part {
            Part::Primary(key) => key.public_params(),
            Part::Sub(key) => key.public_params(),
        }
    }

    fn verify(&self, signature: &Signature, data: &[u8]) -> pgp::errors::Result<()> {
        match &self.part {
            Part::Primary(key) => signature.verify(key, data),
            Part::Sub(key) => signature.verify(key, data),
        }
    }
}

impl Certificate {
    /// Reads all keys of a text.
    pub(super) fn read(text: &str) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find(BEGIN) {
            let length = rest[begin..].find(END).ok_or("a key block has no end")? + END.len();
            let block = &rest[begin..begin + length];
            rest = &rest[begin + length..];
            let failed = |error| format!("OpenPGP: {error}");
            let (keys, _) = SignedPublicKey::from_armor_many(block.as_bytes()).map_err(failed)?;
            for key in keys {
                all.push(Self::of(key.map_err(failed)?)?);
            }
        }
        Ok(all)
    }

    /// What the owner says of the key: the newest word counts, and only the owner's. Signatures of others are left out: they say who trusts it.
    fn of(key: SignedPublicKey) -> Result<Self, String> {
        let SignedPublicKey {
            primary_key: primary,
            details,
            public_subkeys,
        } = key;
        let id = long_id(&primary.legacy_key_id());
        let direct = details
            .direct_signatures
            .iter()
            .filter(|s| s.verify_key(&primary).is_ok());
        let of_users = details.users.iter().flat_map(|user| {
            let own = user.signatures.iter().filter(|s| is_certification(s));
            own.filter(|s| s.verify_certification(&primary, Tag::UserId, &user.id).is_ok())
        });
        let own = direct
            .chain(of_users)
            .max_by_key(|s| s.created().map(|made| made.as_secs()));
        let own = own.ok_or_else(|| format!("key {id} has no valid signature of its own"))?;
        let created = i64::from(primary.created_at().as_secs());
        let expires = expiry(created, own);
        let name = details
            .users
            .first()
            .map(|user| String::from_utf8_lossy(user.id.id()).into_owned());
        let is_revoked = !details.revocation_signatures.is_empty();
        let mut keys: Vec<SigningKey> = public_subkeys
            .into_iter()
            .filter_map(|subkey| SigningKey::of(subkey, &primary))
            .collect();
        if may_sign(own) {
            keys.push(SigningKey {
                part: Part::Primary(primary),
                is_revoked,
                created,
                expires,
            });
        }
        if keys.is_empty() {
            return Err(format!("key {id} is not for signing, and has no subkey that is"));
        }
        Ok(Self {
            name: name.unwrap_or_default(),
            is_revoked,
            expires,
            keys,
        })
    }

    /// Why a key of it did not count then.
    fn invalid(&self, key: &SigningKey, made: i64) -> Option<String> {
        if made < key.created {
            return Some(format!("was made at {} only", moment::text(at(key.created))));
        }
        let ends = [self.expires, key.expires].into_iter().flatten().min();
        let end = ends.filter(|end| made >= *end)?;
        Some(format!("expired at {}", moment::text(at(end))))
    }
}

impl SigningKey {
    /// A subkey that may sign. The primary key must have said so last, and the subkey agreed: else anybody's key could be bound
    /// to one that is trusted.
    fn of(subkey: SignedPublicSubKey, primary: &PublicKey) -> Option<Self> {
        let is_revoked = subkey
            .signatures
            .iter()
            .any(|s| s.typ() == Some(SignatureType::SubkeyRevocation));
        let bindings = subkey.signatures.iter().filter(|s| {
            s.typ() == Some(SignatureType::SubkeyBinding) && s.verify_subkey_binding(primary, &subkey.key).is_ok()
        });
        let binding = bindings.max_by_key(|s| s.created().map(|made| made.as_secs()))?;
        let agrees = || {
            let back = binding.embedded_signature()?;
            back.verify_primary_key_binding(&subkey.key, primary).ok()
        };
        if !binding.key_flags().sign() || agrees().is_none() {
            return None;
        }
        let created = i64::from(subkey.key.created_at().as_secs());
        Some(Self {
            is_revoked,
            created,
            expires: expiry(created, binding),
            part: Part::Sub(subkey.key),
        })
    }
}

fn is_certification(signature: &Signature) -> bool {
    matches!(
        signature.typ(),
        Some(
            SignatureType::CertGeneric
                | SignatureType::CertPersona
                | SignatureType::CertCasual
                | SignatureType::CertPositive
        )
    )
}

fn expiry(created: i64, own: &Signature) -> Option<i64> {
    let lasts = own.key_expiration_time().map(|lasts| i64::from(lasts.as_secs()));
    lasts.filter(|lasts| *lasts > 0).map(|lasts| created + lasts)
}

/// A key whose owner never said what it is for, as those of old, may do what it can.
fn may_sign(own: &Signature) -> bool {
    let says = own.config().is_some_and(|config| {
        let mut said = config.hashed_subpackets();
        said.any(|subpacket| matches!(subpacket.data, SubpacketData::KeyFlags(_)))
    });
    !says || own.key_flags().sign()
}
