//! Texts kept in `golden/` beside this file: `UPDATE_GOLDEN=1` writes them anew.

use std::{fs, path::Path};

/// Compares with the file, or replaces it.
pub(crate) fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/golden").join(name);
    check_file(&path, actual);
}

/// The same with any file.
pub(crate) fn check_file(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, actual).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; run again with UPDATE_GOLDEN=1 and look at the change\n--- kept\n{expected}\n--- now\n{actual}",
        path.display()
    );
}
