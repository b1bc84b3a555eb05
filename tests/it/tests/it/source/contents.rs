//! What a fetched tree gives.

use std::os::unix::{ffi::OsStrExt as _, fs::symlink};

use windlass_core::tree::{Kind, TreeError};

use super::*;

#[test]
fn names_links_and_modes() {
    let bed = Bed::new();
    bed.repository.write("dir/file", "x");
    bed.repository.write("dir-1", "before dir/ for git, after dir for us");
    bed.repository.write("dir.yaml", "y");
    let odd = bed.repository.path.join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    std::fs::write(odd, "z").unwrap();
    symlink("dir", bed.repository.path.join("inside")).unwrap();
    symlink("../../..", bed.repository.path.join("outside")).unwrap();
    symlink("/etc/passwd", bed.repository.path.join("absolute")).unwrap();
    bed.repository.write("run", "x");
    bed.repository.git(["add", "-A"]);
    bed.repository.git(["update-index", "--chmod=+x", "run"]);
    bed.repository
        .git(["-c", "core.fileMode=false", "commit", "-q", "-m", "all"]);
    let tree = main_of(&bed.mirror()).tree("");
    let names: Vec<_> = tree.entries("").unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(
        names,
        [
            "a", "absolute", "dir", "dir-1", "dir.yaml", "inside", "odd\\xff", "outside", "run"
        ]
    );
    assert_eq!(&*tree.file("inside/file").unwrap(), b"x");
    assert_eq!(tree.stat("outside").unwrap().kind, Kind::Symlink);
    assert!(tree.file("absolute").is_err());
    assert!(tree.stat("run").unwrap().executable && !tree.stat("dir/file").unwrap().executable);
    assert_eq!(tree.stat("dir/file").unwrap().size, 1);
}

#[test]
fn lfs_pointers_and_submodules_are_told() {
    let bed = Bed::new();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n",
        "0".repeat(64)
    );
    bed.repository.write("large.bin", pointer);
    let commit = bed.repository.commit("pointer");
    bed.repository.git([
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},vendored"),
    ]);
    bed.repository.git(["commit", "-q", "-m", "submodule"]);
    let tree = main_of(&bed.mirror()).tree("");
    let error = tree.file("large.bin").unwrap_err();
    assert!(
        matches!(&error, TreeError::LfsPointer { path } if path == "large.bin"),
        "{error}"
    );
    let error = tree.file("vendored/x").unwrap_err();
    assert!(
        matches!(&error, TreeError::Submodule { path } if path == "vendored"),
        "{error}"
    );
}

#[test]
fn hostile_trees_do_no_harm() {
    let bed = Bed::new();
    // A folder with the names that checkouts have to refuse.
    let blob = bed.repository.git(["rev-parse", "HEAD:a"]);
    let raw: Vec<u8> = hex(&blob);
    let entries = [b"..".as_slice(), b".GIT", b".git"]
        .map(|name| [b"100644 ", name, b"\0", &raw].concat())
        .concat();
    bed.repository.write("../tree", entries);
    let tree = bed
        .repository
        .git(["hash-object", "-t", "tree", "-w", "--literally", "../tree"]);
    let commit = bed.repository.git(["commit-tree", &tree, "-m", "hostile"]);
    bed.repository.git(["update-ref", "refs/heads/main", &commit]);
    let tree = main_of(&bed.mirror()).tree("");
    assert!(tree.file("..").is_err() && tree.file("../a").is_err());
    assert_eq!(
        &*tree.file(".git").unwrap(),
        b"one\n",
        "a name as any other: nothing is checked out"
    );
}

#[test]
fn replaced_objects_are_not_honoured() {
    let bed = Bed::new();
    bed.repository.write("b", "evil\n");
    let evil = bed.repository.git(["hash-object", "-w", "b"]);
    let good = bed.repository.git(["rev-parse", "HEAD:a"]);
    bed.repository.git(["replace", &good, &evil]);
    assert_eq!(text(&main_of(&bed.mirror()), "a"), "one\n");
}

#[test]
fn many_threads_read_at_once() {
    let bed = Bed::new();
    for n in 0..50 {
        bed.repository.write(&format!("dir{}/f{n}", n % 5), format!("{n}"));
    }
    bed.repository.commit("many");
    let tree = main_of(&bed.mirror()).tree("");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..50 {
                    assert_eq!(
                        &*tree.file(&format!("dir{}/f{n}", n % 5)).unwrap(),
                        n.to_string().as_bytes()
                    );
                }
            });
        }
    });
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}
