//! Whose signatures count, as the configuration says.

use std::{fs::File, io::Read as _, sync::Arc};

use windlass_core::config::{VerifyMode, VerifySpec};
use windlass_source::signature::{KeyFile, Keys, Objects, Policy};

use super::{Sources, groups::Slot};
use crate::{
    engine::blocking,
    secrets,
    stop::{Stop, chain},
};

/// Of keys that can't be used: nothing of the Repository passes then.
fn stop(error: &dyn std::error::Error) -> Stop {
    Stop::of("signature-keys", error).help("no revision is taken until the list of keys in `spec.verify` can be used")
}

impl Sources {
    /// What has to be signed, and by whom. Read anew in every poll: a key that is taken off the list counts from then on no more.
    pub(super) async fn policy(&self, slot: &Slot) -> Result<Option<Policy>, Stop> {
        let Some(verify) = &slot.spec.verify else {
            return Ok(None);
        };
        let files = self.key_files(slot, verify).await?;
        let keys = blocking(move || Keys::read(&files)).await?;
        let keys = keys.map_err(|error| stop(&error))?;
        let objects = match verify.mode {
            VerifyMode::Head => Objects::Commit,
            VerifyMode::Tag => Objects::Tag,
            VerifyMode::TagAndHead => Objects::TagAndCommit,
        };
        Ok(Some(Policy {
            keys: Arc::new(keys),
            objects,
        }))
    }

    /// The lists with their content. The only place that knows where they come from.
    async fn key_files(&self, slot: &Slot, verify: &VerifySpec) -> Result<Vec<KeyFile>, Stop> {
        if let Some(secret) = &verify.secret_ref {
            let contents = secrets::read(self.home.as_ref(), &slot.namespace, secret).await;
            let contents = contents.map_err(|error| stop(&error))?;
            let lists = contents.iter().map(|(key, bytes)| KeyFile {
                name: format!("Secret {}/{}, {key}", slot.namespace, secret.name),
                bytes: bytes.to_vec(),
            });
            return Ok(lists.collect());
        }
        let read = |file: &String| {
            let path = self.base.join(file);
            let mut bytes = Vec::new();
            // One more than may be, so that what is too long is told and not cut.
            let most = Keys::MAX_BYTES as u64 + 1;
            let read = File::open(&path).and_then(|opened| opened.take(most).read_to_end(&mut bytes));
            read.map_err(|e| {
                let text = format!("the public keys in `{}` can't be read: {}", path.display(), chain(&e));
                stop(&std::io::Error::other(text))
            })?;
            let name = path.display().to_string();
            Ok(KeyFile { name, bytes })
        };
        verify.key_files.iter().map(read).collect()
    }
}
