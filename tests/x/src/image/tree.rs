//! What is in an image: paths, and where their contents come from.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::plugins::Plugin;
use crate::run::answer;

/// Where the program is.
pub(super) const PROGRAM: &str = "usr/bin/windlass";
/// Where it looks for plugins by itself.
const PLUGINS: &str = "usr/lib/windlass/plugins";
/// Who runs it: nobody, as the Deployment of `windlass install` has it.
pub(super) const USER: u32 = 65532;

/// Bundles of authorities by distribution, and where every program looks.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Of a file of this machine.
    File(PathBuf),
    /// As it is.
    Text(String),
    /// None: a folder.
    Folder,
}

/// A path's content and permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) content: Content,
    pub(super) mode: u32,
}

/// Paths from the root, without a leading `/`; folders come before what is in them.
#[derive(Debug, Default)]
pub(super) struct Tree(pub(super) BTreeMap<String, Entry>);

impl Tree {
    fn add(&mut self, path: &str, content: Content, mode: u32) {
        let mut folder = Path::new(path).parent();
        while let Some(parent) = folder.filter(|parent| !parent.as_os_str().is_empty()) {
            let entry = Entry {
                content: Content::Folder,
                mode: 0o755,
            };
            self.0.entry(parent.to_string_lossy().into_owned()).or_insert(entry);
            folder = parent.parent();
        }
        self.0.insert(path.to_owned(), Entry { content, mode });
    }

    /// A program with the libraries that it is linked to, under the paths where its loader finds them.
    fn add_program(&mut self, path: &str, file: &Path) -> Result<(), Error> {
        let mut command = Command::new("ldd");
        command.arg(file).env("LC_ALL", "C");
        let told = answer(&mut command).ok_or_else(|| Error::Missing {
            what: format!("`ldd {}` fails", file.display()),
            remedy: "it comes with the C library; the program must be linked to it".to_owned(),
        })?;
        for library in libraries(&told)? {
            self.add(
                library.trim_start_matches('/'),
                Content::File(PathBuf::from(&library)),
                0o755,
            );
        }
        self.add(path, Content::File(file.to_owned()), 0o755);
        Ok(())
    }

    /// All bytes of its files; what can't be read counts as none.
    pub(super) fn bytes(&self) -> u64 {
        let sizes = self.0.values().map(|entry| match &entry.content {
            Content::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Content::Text(text) => text.len() as u64,
            Content::Folder => 0,
        });
        sizes.sum()
    }

    /// Writes it below a folder.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub(super) fn write(&self, root: &Path) -> Result<(), Error> {
        for (path, entry) in &self.0 {
            let to = root.join(path);
            match &entry.content {
                Content::Folder => fs::create_dir_all(&to).map_err(Error::io("create", &to))?,
                Content::File(from) => fs::copy(from, &to).map(drop).map_err(Error::io("copy to", &to))?,
                Content::Text(text) => fs::write(&to, text).map_err(Error::io("write", &to))?,
            }
            let mode = fs::Permissions::from_mode(entry.mode);
            fs::set_permissions(&to, mode).map_err(Error::io("set permissions of", &to))?;
        }
        Ok(())
    }
}

/// The layers of the image, those first that change the least.
///
/// # Errors
/// When something is missing on this machine.
pub(super) fn layers(program: &Path, plugins: &[Plugin]) -> Result<[Tree; 3], Error> {
    let mut system = Tree::default();
    let ssh = find("ssh").ok_or_else(|| Error::Missing {
        what: "there is no program `ssh`, which ssh sources need in the image".to_owned(),
        remedy: "install it (Debian: openssh-client)".to_owned(),
    })?;
    system.add_program("usr/bin/ssh", &ssh)?;
    let authorities = AUTHORITIES.iter().map(Path::new).find(|path| path.is_file());
    let authorities = authorities.ok_or_else(|| Error::Missing {
        what: "there are no certificates of authorities on this machine".to_owned(),
        remedy: "install them (Debian: ca-certificates)".to_owned(),
    })?;
    system.add(
        AUTHORITIES[0].trim_start_matches('/'),
        Content::File(authorities.to_owned()),
        0o644,
    );
    // `ssh` refuses a user without a name.
    let user = format!("root:x:0:0::/:/sbin/nologin\nwindlass:x:{USER}:{USER}::/tmp:/sbin/nologin\n");
    system.add("etc/passwd", Content::Text(user), 0o644);
    let group = format!("root:x:0:\nwindlass:x:{USER}:\n");
    system.add("etc/group", Content::Text(group), 0o644);
    let switch = "passwd: files\ngroup: files\nhosts: files dns\n";
    system.add("etc/nsswitch.conf", Content::Text(switch.to_owned()), 0o644);
    system.add("tmp", Content::Folder, 0o1777);
    let mut parts = Tree::default();
    for plugin in plugins {
        let path = format!("{PLUGINS}/{}.wasm", plugin.name);
        parts.add(&path, Content::File(plugin.output.clone()), 0o644);
    }
    let mut engine = Tree::default();
    engine.add_program(PROGRAM, program)?;
    Ok([system, parts, engine])
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found.into_iter().find(|file| file.is_file())
}

/// What `ldd` names: `libc.so.6 => /lib/…/libc.so.6 (0x…)`, and the loader by its path alone. What the kernel brings has no path.
fn libraries(told: &str) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for line in told.lines().map(str::trim) {
        if line.contains("not found") {
            return Err(Error::Missing {
                what: format!("a library is missing on this machine: {line}"),
                remedy: "install it".to_owned(),
            });
        }
        let path = line.split(" => ").last().and_then(|rest| rest.split(" (").next());
        if let Some(path) = path.filter(|path| path.starts_with('/')) {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn libraries_are_those_with_a_path() {
        let told = "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/a/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            libraries(told).unwrap(),
            ["/lib/a/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]
        );
        assert!(libraries("\tlibx.so => not found\n").is_err());
    }

    #[test]
    fn folders_come_first_and_are_written() {
        let scratch = Scratch::new("image-tree");
        let mut tree = Tree::default();
        tree.add("etc/deep/file", Content::Text("x".to_owned()), 0o640);
        tree.add("tmp", Content::Folder, 0o1777);
        assert_eq!(
            tree.0.keys().collect::<Vec<_>>(),
            ["etc", "etc/deep", "etc/deep/file", "tmp"]
        );
        let root = scratch.places().root.join("out");
        tree.write(&root).unwrap();
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(
            (mode("etc"), mode("etc/deep/file"), mode("tmp")),
            (0o755, 0o640, 0o1777)
        );
    }
}
