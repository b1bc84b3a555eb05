//! Interface `files`: every question goes to the engine, which records it.

use wasmtime::component::Resource;
use windlass_core::tree;

use super::{Halt, State, Tree, convert, files_api as files};
use crate::protocol::{Answer, Ask};

impl State {
    fn label(&self, tree: &Resource<Tree>) -> wasmtime::Result<String> {
        Ok(self.table.get(tree)?.label.clone())
    }

    /// An answer, or the refusal it is.
    fn ask_tree(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Halt> {
        match self.ask(ask)? {
            (Answer::Refused(refusal), _) => Err(Halt::Answer(convert::refusal(refusal))),
            answer => Ok(answer),
        }
    }
}

impl files::Host for State {}

impl files::HostTree for State {
    fn label(&mut self, tree: Resource<Tree>) -> wasmtime::Result<String> {
        Self::label(self, &tree)
    }

    fn stat(&mut self, tree: Resource<Tree>, path: String) -> Result<files::Node, Halt> {
        let tree = Self::label(self, &tree)?;
        match self.ask_tree(Ask::Stat { tree, path })?.0 {
            Answer::Node(tree::Node { kind, size, executable }) => Ok(files::Node {
                kind: convert::kind(kind),
                size,
                executable,
            }),
            _ => Ok(self.unexpected()?),
        }
    }

    fn canonical(&mut self, tree: Resource<Tree>, path: String) -> Result<String, Halt> {
        let tree = Self::label(self, &tree)?;
        match self.ask_tree(Ask::Canonical { tree, path })?.0 {
            Answer::Text(path) => Ok(path),
            _ => Ok(self.unexpected()?),
        }
    }

    fn read(&mut self, tree: Resource<Tree>, path: String, offset: u64, max: u32) -> Result<Vec<u8>, Halt> {
        let tree = Self::label(self, &tree)?;
        match self.ask_tree(Ask::Read {
            tree,
            path,
            offset,
            max,
        })? {
            // More than asked for would write over the end of the guest's buffer.
            (Answer::Bytes, bytes) if bytes.len() <= max as usize => Ok(bytes),
            _ => Ok(self.unexpected()?),
        }
    }

    fn list(&mut self, tree: Resource<Tree>, path: String, after: String, max: u32) -> Result<files::Listing, Halt> {
        let tree = Self::label(self, &tree)?;
        match self.ask_tree(Ask::List { tree, path, after, max })?.0 {
            Answer::Entries(tree::Page { items, more }) => {
                let entry = |entry: tree::Entry| files::Entry {
                    name: entry.name,
                    kind: convert::kind(entry.kind),
                };
                Ok(files::Listing {
                    entries: items.into_iter().map(entry).collect(),
                    more,
                })
            }
            _ => Ok(self.unexpected()?),
        }
    }

    fn glob(
        &mut self,
        tree: Resource<Tree>,
        base: String,
        pattern: String,
        after: String,
        max: u32,
    ) -> Result<files::Matches, Halt> {
        let tree = Self::label(self, &tree)?;
        match self
            .ask_tree(Ask::Glob {
                tree,
                base,
                pattern,
                after,
                max,
            })?
            .0
        {
            Answer::Paths(tree::Page { items: paths, more }) => Ok(files::Matches { paths, more }),
            _ => Ok(self.unexpected()?),
        }
    }

    fn digest(&mut self, tree: Resource<Tree>, path: String) -> Result<String, Halt> {
        let tree = Self::label(self, &tree)?;
        match self.ask_tree(Ask::Digest { tree, path })?.0 {
            Answer::Text(digest) => Ok(digest),
            _ => Ok(self.unexpected()?),
        }
    }

    fn drop(&mut self, tree: Resource<Tree>) -> wasmtime::Result<()> {
        self.table.delete(tree)?;
        Ok(())
    }
}
