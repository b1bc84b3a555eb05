use super::*;

fn cache(dir: &Path) -> Cache {
    Cache::open(dir, Digest::of(b"settings")).unwrap()
}

fn publish(cache: &Cache, component: &Digest, content: &[u8]) {
    let mut file = cache.create().unwrap();
    file.write_all(content).unwrap();
    cache.publish(component, file).unwrap();
}

fn content(file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn only_artefact(dir: &Path) -> PathBuf {
    let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    names
        .into_iter()
        .find(|p| p.to_str().unwrap().ends_with(SUFFIX))
        .unwrap()
}

#[test]
fn what_was_published_is_found_by_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let component = Digest::of(b"component");
    publish(&cache(dir.path()), &component, b"code");
    assert_eq!(content(cache(dir.path()).find(&component).unwrap()), b"code");
    assert!(cache(dir.path()).find(&Digest::of(b"other")).is_none());
    assert!(
        Cache::open(dir.path(), Digest::of(b"other settings"))
            .unwrap()
            .find(&component)
            .is_none()
    );
}

#[test]
fn a_changed_truncated_or_renamed_file_is_refused_and_deleted() {
    for change in ["append", "truncate", "rename"] {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        let (component, other) = (Digest::of(b"component"), Digest::of(b"other"));
        publish(&cache, &component, b"code");
        let path = only_artefact(dir.path());
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let wanted = match change {
            "append" => {
                fs::OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .unwrap()
                    .write_all(b"x")
                    .unwrap();
                component
            }
            "truncate" => {
                fs::OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(2)
                    .unwrap();
                component
            }
            _ => {
                let name = path
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace(&component.hex(), &other.hex());
                fs::rename(&path, dir.path().join(name)).unwrap();
                other
            }
        };
        assert!(cache.find(&wanted).is_none(), "{change}");
        let left = fs::read_dir(dir.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path() != dir.path().join(KEY_FILE));
        assert_eq!(left.count(), 0, "{change}");
    }
}

#[test]
fn the_folder_and_its_key_are_private() {
    let dir = tempfile::tempdir().unwrap();
    cache(dir.path());
    assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(dir.path().join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
    fs::set_permissions(dir.path().join(KEY_FILE), Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        Cache::open(dir.path(), Digest::of(b"")),
        Err(LoadError::Cache { .. })
    ));
}

#[test]
fn the_longest_unused_go_when_there_is_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = cache(dir.path());
    cache.set_quota(25);
    let components = [b"a", b"b", b"c"].map(|name| Digest::of(name));
    let later = || std::thread::sleep(Duration::from_millis(20));
    for component in &components[..2] {
        publish(&cache, component, &[7; 10]);
        later();
    }
    let mapped = cache.find(&components[0]).unwrap();
    later();
    publish(&cache, &components[2], &[7; 10]);
    let there = components.each_ref().map(|component| cache.find(component).is_some());
    assert_eq!(
        there,
        [true, false, true],
        "the one that was found is younger than the one that was not"
    );
    publish(&cache, &components[1], &[7; 30]);
    assert!(
        cache.find(&components[1]).is_some(),
        "the last one stays, whatever it takes"
    );
    assert!(cache.find(&components[0]).is_none());
    assert_eq!(content(mapped), [7; 10], "who has it open keeps it");
}

#[test]
fn what_a_killed_compilation_left_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let (old, young) = (dir.path().join(".compiling-old"), dir.path().join(".compiling-young"));
    for path in [&old, &young] {
        fs::write(path, "half").unwrap();
    }
    let then = SystemTime::now() - 2 * ABANDONED;
    let file = fs::OpenOptions::new().append(true).open(&old).unwrap();
    file.set_times(FileTimes::new().set_modified(then)).unwrap();
    publish(&cache, &Digest::of(b"a"), b"code");
    assert!(!old.exists() && young.exists());
}
