//! What `git add` would make of a file's bytes.

use std::sync::Arc;

use gix::{
    attrs::{StateRef, search::Outcome},
    bstr::BStr,
    filter::plumbing::{
        Pipeline,
        pipeline::{CrlfRoundTripCheck, convert::ToGitOutcome},
    },
};
use sha2::{Digest as _, Sha256};
use windlass_core::digest::hex;

/// Attributes that change what is stored.
const ATTRIBUTES: [&str; 6] = ["crlf", "ident", "filter", "eol", "text", "working-tree-encoding"];

/// A pointer file starts with it.
const LFS_VERSION: &str = "version https://git-lfs.github.com/spec/v1\n";

/// A pointer file is shorter than this.
const LFS_POINTER_BYTES: usize = 1024;

/// Why the bytes that git would store can't be known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// A program of the user's would have to run.
    #[error("`{path}` has the attribute `filter={filter}`: git would run a program on it, and Windlass does not")]
    Filter { path: String, filter: String },
    /// gix can't convert it.
    #[error("`{path}` has the attribute `working-tree-encoding={encoding}`, and can't be converted: {reason}")]
    Encoding {
        path: String,
        encoding: String,
        reason: String,
    },
    /// Too large to be hashed.
    #[error("`{path}` has {size} bytes; files above {limit} bytes are not read from a local folder")]
    TooLarge { path: String, size: u64, limit: u64 },
    /// Too many converted texts already.
    #[error("`{path}` is one of too many files whose line endings are converted; the limit is {limit} bytes in all")]
    TooManyConverted { path: String, limit: u64 },
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Handling {
    /// Its bytes as they are, unless the configuration of line endings says otherwise.
    Plain,
    /// Converted, as these attributes say.
    Attributes(String),
    /// Its LFS pointer.
    Lfs,
    /// Not to be known.
    Filter(String),
}

/// Converts as the attributes in a work tree and its configuration say. Runs no program.
pub(super) struct Cleaner<'r> {
    repo: &'r gix::Repository,
    index: gix::worktree::Index,
    attributes: gix::AttributeStack<'r>,
    selected: Outcome,
    drivers: Vec<String>,
    pipeline: Pipeline,
    converts_by_default: bool,
}

impl<'r> Cleaner<'r> {
    pub(super) fn new(repo: &'r gix::Repository, index: gix::worktree::Index) -> Result<Self, gix::Error> {
        use gix::worktree::stack::state::{attributes, ignore};
        let attributes_source = attributes::Source::WorktreeThenIdMapping;
        let ignore_source = ignore::Source::WorktreeThenIdMappingIfNotSkipped;
        let stack = repo.attributes(&index, attributes_source, ignore_source, None)?;
        let selected = stack.selected_attribute_matches(ATTRIBUTES);
        let mut options = gix::filter::Pipeline::options(repo)?;
        let drivers = std::mem::take(&mut options.drivers).into_iter();
        let drivers = drivers
            .filter(|d| d.clean.is_some() || d.process.is_some())
            .map(|d| d.name.to_string())
            .collect();
        options.crlf_roundtrip_check = CrlfRoundTripCheck::Skip;
        let converts_by_default = options.eol_config.auto_crlf != gix::filter::plumbing::eol::AutoCrlf::Disabled;
        let pipeline = Pipeline::new(gix::command::Context::default(), repo.object_hash(), options);
        Ok(Self {
            repo,
            index,
            attributes: stack,
            selected,
            drivers,
            pipeline,
            converts_by_default,
        })
    }

    pub(super) const fn index(&self) -> &gix::worktree::Index {
        &self.index
    }

    /// Whether git ignores a path (from the work tree's top) that it does not track.
    pub(super) fn is_ignored(&mut self, path: &BStr, mode: gix::index::entry::Mode) -> Result<bool, gix::Error> {
        Ok(self.attributes.at_entry(path, Some(mode))?.is_excluded())
    }

    /// What the attributes of a path (from the work tree's top) ask for.
    pub(super) fn handling(&mut self, path: &BStr) -> Result<Handling, gix::Error> {
        let platform = self.attributes.at_entry(path, None)?;
        self.selected.reset();
        platform.matching_attributes(&mut self.selected);
        let mut words = Vec::new();
        for found in self.selected.iter_selected() {
            let name = found.assignment.name.as_str();
            match found.assignment.state {
                StateRef::Unspecified => {}
                StateRef::Value(value) if name == "filter" => {
                    let value = value.as_bstr().to_string();
                    if value == "lfs" {
                        return Ok(Handling::Lfs);
                    }
                    // Without a program behind it, git stores the bytes as they are.
                    if self.drivers.contains(&value) {
                        return Ok(Handling::Filter(value));
                    }
                }
                StateRef::Unset if name == "filter" => {}
                state => words.push(format!("{name}={state:?}")),
            }
        }
        Ok(if words.is_empty() {
            Handling::Plain
        } else {
            Handling::Attributes(words.join(","))
        })
    }

    /// Whether the bytes have to be looked at before they can be hashed.
    pub(super) fn may_convert(&self, handling: &Handling) -> bool {
        match handling {
            Handling::Plain => self.converts_by_default,
            _ => true,
        }
    }

    /// The bytes that git would store; none when they stay as they are.
    pub(super) fn convert(&mut self, path: &BStr, bytes: &[u8]) -> Result<Option<Arc<[u8]>>, gix::Error> {
        let (repo, index) = (self.repo, &self.index);
        let entry = self.attributes.at_entry(path, None)?;
        let relative = gix::path::from_bstr(path)?;
        let mut matching = |_: &BStr, out: &mut Outcome| {
            entry.matching_attributes(out);
        };
        // Git leaves CRLF alone in `text=auto` files that were committed with it.
        let mut committed = |buffer: &mut Vec<u8>| -> gix::Result<Option<()>> {
            let Some(entry) = index.entry_by_path(path) else {
                return Ok(None);
            };
            let Some(object) = repo.try_find_object(entry.id)? else {
                return Ok(None);
            };
            buffer.clear();
            buffer.extend_from_slice(&object.data);
            Ok((object.kind == gix::objs::Kind::Blob).then_some(()))
        };
        match self
            .pipeline
            .convert_to_git(bytes, &relative, &mut matching, &mut committed)?
        {
            ToGitOutcome::Buffer(converted) if converted != bytes => Ok(Some(converted.into())),
            _ => Ok(None),
        }
    }
}

/// What `git lfs clean` makes: the pointer. A pointer stays one, and nothing stays nothing.
pub(super) struct LfsPointer {
    hasher: Sha256,
    start: Vec<u8>,
    size: u64,
}

impl LfsPointer {
    pub(super) fn new() -> Self {
        Self {
            hasher: Sha256::new(),
            start: Vec::new(),
            size: 0,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        let room = LFS_POINTER_BYTES.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..room]);
    }

    pub(super) fn finish(self) -> Arc<[u8]> {
        let is_pointer = self.size < LFS_POINTER_BYTES as u64 && self.start.starts_with(LFS_VERSION.as_bytes());
        if self.size == 0 || is_pointer {
            return self.start.into();
        }
        let oid = hex(&self.hasher.finalize());
        format!("{LFS_VERSION}oid sha256:{oid}\nsize {}\n", self.size)
            .into_bytes()
            .into()
    }
}
