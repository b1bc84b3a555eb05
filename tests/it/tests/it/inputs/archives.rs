//! Chart archives that want out: `../`, absolute names, links, devices, two of a name, and more than fits anywhere.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::siege::{Attack, withstand};

/// Kinds of entries, as `tar` writes them.
const FILE_KIND: u8 = b'0';
const HARD_LINK: u8 = b'1';
const SYMBOLIC_LINK: u8 = b'2';
const DEVICE: u8 = b'3';
const FIFO: u8 = b'6';

/// One entry: name, kind, target of a link, content.
type Entry<'a> = (&'a str, u8, &'a str, &'a [u8]);

/// A tar header (POSIX.1-1988, `ustar`).
fn header(name: &str, kind: u8, link: &str, size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    // The sum is taken with blanks in its own place.
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, link, content) in entries {
        bytes.extend(header(name, *kind, link, content.len() as u64));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .args(["--stdout", "--no-name"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip runs");
    let mut input = child.stdin.take().expect("a pipe");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("gzip ends");
    writer.join().expect("a writer").expect("gzip reads");
    output.stdout
}

const CHART: Entry<'_> = (
    "evil/Chart.yaml",
    FILE_KIND,
    "",
    b"apiVersion: v2\nname: evil\nversion: 1.0.0\n",
);
const TEMPLATE: &[u8] = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n";

/// A chart whose dependency is an archive with these entries after a good Chart.yaml.
fn chart(name: &'static str, entries: &[Entry<'_>]) -> Attack {
    let all: Vec<Entry<'_>> = [CHART].iter().chain(entries).copied().collect();
    with_archive(name, gzip(&tar(&all)))
}

fn with_archive(name: &'static str, archive: Vec<u8>) -> Attack {
    Attack::new(name, "Chart.yaml", "apiVersion: v2\nname: outer\nversion: 1.0.0\n")
        .and(
            "templates/first.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n",
        )
        .and("charts/evil.tgz", archive)
}

/// Eight gigabytes less a byte in some two megabytes: the most that a header can promise.
fn one_huge_file() -> Vec<u8> {
    let mut bytes = gzip(&tar(&[CHART])[..1024]);
    bytes.extend(gzip(&header("evil/files/zeros", FILE_KIND, "", (8 << 30) - 1)));
    let zeros = gzip(&vec![0; 32 << 20]);
    for _ in 0..64 {
        bytes.extend_from_slice(&zeros);
    }
    bytes
}

fn many_large_files() -> Vec<u8> {
    let zeros = vec![0; 5 << 20];
    let names: Vec<String> = (0..30).map(|n| format!("evil/files/{n}")).collect();
    let files = names
        .iter()
        .map(|name| (name.as_str(), FILE_KIND, "", zeros.as_slice()));
    gzip(&tar(&[CHART].into_iter().chain(files).collect::<Vec<_>>()))
}

#[test]
fn archives_stay_inside_and_end_at_a_number() {
    const BAD: &str = "bad-archive";
    const FILE: &str = "charts/evil.tgz";
    withstand(&[
        chart("up", &[("evil/../../../../tmp/windlass-was-here", FILE_KIND, "", b"x")]).told_as(
            BAD,
            &["parent directory"],
            FILE,
        ),
        // Helm drops the first part of a name, whatever it is.
        chart("absolute", &[("/tmp/windlass-was-here", FILE_KIND, "", b"x")]),
        chart("drive", &[("evil/C:\\windows\\x", FILE_KIND, "", b"x")]),
        with_archive("one-huge", one_huge_file()).told_as(BAD, &["104857600"], FILE),
        with_archive("many-large", many_large_files()).told_as(BAD, &["104857600"], FILE),
        with_archive("cut", gzip(&tar(&[CHART]))[..40].to_vec()).told_as(BAD, &["unexpected EOF"], FILE),
        with_archive("noise", [b"\x1f\x8b".as_slice(), &[7; 100]].concat()).told_as(BAD, &["gzip"], FILE),
    ]);
    assert!(!std::path::Path::new("/tmp/windlass-was-here").exists());
}

/// Helm takes no notice of links and devices, and of two entries the last counts. Nothing of it reaches the outside.
#[test]
fn odd_entries_give_nothing_away() {
    let said = withstand(&[
        chart(
            "links",
            &[
                ("evil/templates/a.yaml", FILE_KIND, "", TEMPLATE),
                ("evil/templates/b.yaml", SYMBOLIC_LINK, "/etc/passwd", b""),
                ("evil/templates/c.yaml", HARD_LINK, "/etc/passwd", b""),
                ("evil/templates/d.yaml", DEVICE, "", b""),
                ("evil/templates/e.yaml", FIFO, "", b""),
            ],
        )
        .told_as("duplicate-object", &["ConfigMap"], None),
        chart(
            "twice",
            &[
                ("evil/templates/a.yaml", FILE_KIND, "", b"{{ fail \"the first\" }}"),
                ("evil/templates/a.yaml", FILE_KIND, "", b"{{ fail \"the last\" }}"),
            ],
        )
        .told_as("template-failed", &["the last"], None),
    ]);
    assert!(!said.contains("root:"), "{said}");
}
