//! Files that another version of quotetune wrote: the error says so and names the remedy, and does not call the file
//! damaged.

#[allow(dead_code, reason = "each test of hostile files uses its part")]
mod hostile;

use std::fs;
use std::path::Path;

use hostile::{Site, sealed_file};
use quotetune_core::query::Index;

const LAYOUT: usize = 32;
const ANCHORS: usize = 36;

/// Opens an index after a change of a 32-bit number in its file `name`.
fn opened_with(site: &Site, name: &str, offset: usize, number: u32) -> Result<(), String> {
    let path = site.index().join(name);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[offset..offset + 4].copy_from_slice(&number.to_le_bytes());
    fs::write(&path, sealed_file(&bytes)).unwrap();
    let opened = Index::open(&site.index());
    fs::write(&path, whole).unwrap();
    opened.map(drop).map_err(|error| error.to_string())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn every_kind_of_file_has_a_layout_version_of_its_own() {
    for site in [Site::new(), Site::lean(), Site::fused(), Site::imported()] {
        for (path, _) in site.files() {
            assert_eq!(opened_with(&site, name(path), LAYOUT, 1), Ok(()));
            let error = opened_with(&site, name(path), LAYOUT, 2).unwrap_err();
            let expected = format!(
                "{}: layout version 2, but this quotetune reads version 1; rebuild the index, or use the quotetune \
                 that wrote it",
                path.display()
            );
            assert_eq!(error, expected);
        }
    }
}

#[test]
fn a_lean_index_has_the_version_of_its_anchors() {
    let site = Site::lean();
    let name = "segment-00000.suffix";
    for first in [0, 1] {
        assert_eq!(opened_with(&site, name, ANCHORS, first), Ok(()));
    }
    let error = opened_with(&site, name, ANCHORS, 2).unwrap_err();
    let expected = "segment-00000.suffix: anchor version 2, but this quotetune reads version 1; rebuild the index, or \
                    use the quotetune that wrote it";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn other_files_do_not_depend_on_anchors() {
    let (site, lean) = (Site::new(), Site::lean());
    let other = |path: &Path| path.extension().is_none_or(|ending| ending != "suffix");
    let files = lean.files().into_iter().filter(|(path, _)| other(path));
    for (path, _) in files {
        assert_eq!(opened_with(&lean, name(path), ANCHORS, 2), Ok(()));
    }
    for (path, _) in site.files() {
        assert_eq!(opened_with(&site, name(path), ANCHORS, 2), Ok(()));
    }
}

#[test]
fn the_first_versions_are_written_as_they_always_were() {
    for site in [Site::new(), Site::lean(), Site::fused(), Site::imported()] {
        for (path, bytes) in site.files() {
            assert_eq!(
                bytes[LAYOUT..LAYOUT + 8],
                [1, 0, 0, 0, 0, 0, 0, 0],
                "{path:?}"
            );
        }
    }
}
