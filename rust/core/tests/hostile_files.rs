//! Files that were damaged or forged, by mutation: every reader ends with an answer or an error, and allocates no
//! more memory than the size of its input justifies. `make fuzz` runs the same readers for longer.

mod hostile;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use hostile::{Site, dump, sealed_file, sealed_manifest};
use proptest::prelude::*;
use proptest::sample::Index as Choice;
use quotetune_core::build::ingest::InvalidText;

/// Remembers the largest allocation.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system allocator does all the work, under the same contract; every test here uses it.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Buffers of a fixed size, which any work needs.
const BUFFERS: usize = 4 << 20;
/// Bytes that may be allocated per byte of input.
const FACTOR: usize = 64;

/// Held by each case, so that the largest allocation is its own.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Does `work` on an input of some bytes and checks that its memory is in proportion.
fn within_bounds<T>(input: usize, work: impl FnOnce() -> T) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    LARGEST.store(0, Ordering::Relaxed);
    work();
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(
        largest <= BUFFERS + FACTOR * input,
        "{largest} bytes at once for {input}"
    );
}

/// One change of a file.
#[derive(Clone, Debug)]
enum Change {
    Flip(Choice, u8),
    Number(Choice, u64),
    Cut(Choice),
    Remove(Choice, usize),
    Repeat(Choice, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let numbers = [
        0,
        1,
        0xFF,
        1 << 31,
        1 << 32,
        u64::from(u32::MAX),
        1 << 63,
        u64::MAX - 63,
        u64::MAX,
    ];
    let number = prop_oneof![proptest::sample::select(numbers.to_vec()), any::<u64>()];
    prop_oneof![
        4 => (any::<Choice>(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (any::<Choice>(), number).prop_map(|(at, number)| Change::Number(at, number)),
        1 => any::<Choice>().prop_map(Change::Cut),
        1 => (any::<Choice>(), 1..100usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<Choice>(), 1..100usize).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..6)
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match *change {
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Number(at, number) => {
                // Numbers in a file are at multiples of their size.
                let at = at.index(length) / 8 * 8;
                let end = (at + 8).min(length);
                bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Change::Repeat(at, count) => {
                let at = at.index(length);
                let again = bytes[at..(at + count).min(length)].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

thread_local! {
    static BUILT: Site = Site::new();
    static LEAN: Site = Site::lean();
    static FUSED: Site = Site::fused();
    static IMPORTED: Site = Site::imported();
}

#[test]
fn what_is_unchanged_passes_the_seals() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for site in [&BUILT, &LEAN, &FUSED, &IMPORTED] {
        site.with(|site| {
            assert!(
                site.files()
                    .iter()
                    .all(|(_, bytes)| sealed_file(bytes) == *bytes)
            );
            assert_eq!(sealed_manifest(site.manifest()), site.manifest());
            for (number, (_, bytes)) in site.files().into_iter().enumerate() {
                assert!(site.with_file(number, bytes));
            }
            assert!(site.with_manifest(site.manifest()));
            let (json, part) = dump();
            assert!(site.with_dump(&json, &part));
            assert!(site.read_records("in.txt", b"text", InvalidText::Strict));
        });
    }
}

#[test]
fn a_manifest_leads_to_no_file_outside_its_directory() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (site, name) in [
        (&BUILT, "segment-00000.text"),
        (&FUSED, "filter-00000.fuse"),
        (&IMPORTED, "filter-00000.redisbloom"),
    ] {
        site.with(|site| {
            let json = String::from_utf8(site.manifest().to_vec()).unwrap();
            assert!(json.contains(name));
            for elsewhere in ["../index/", "./", "/", ""] {
                let forged = json.replace(name, &format!("{elsewhere}{name}"));
                assert_eq!(site.with_manifest(forged.as_bytes()), elsewhere.is_empty());
            }
        });
    }
}

const RECORDS: &[u8] = b"{\"id\": 1, \"text\": \"It was the best of times\", \"title\": null}\n\n\
    {\"id\": \"b\", \"source\": \"s\", \"text\": \"\\u00e9 \\ud83e\\udd80 \\ud800\", \"more\": [1, {\"a\": 2.5e3}]}\n";

static FORMATS: LazyLock<[(&str, Vec<u8>); 4]> = LazyLock::new(|| {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(RECORDS).unwrap();
    [
        ("in.jsonl", RECORDS.to_vec()),
        ("in.jsonl.gz", gz.finish().unwrap()),
        ("in.jsonl.zst", zstd::encode_all(RECORDS, 3).unwrap()),
        ("in.txt", RECORDS.to_vec()),
    ]
});

/// Writes the first inputs of `make fuzz`: an undamaged file of each kind.
#[test]
#[ignore = "writes the first inputs of the fuzz targets"]
fn write_seeds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let write = |target: &str, name: String, parts: &[&[u8]]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), parts.concat()).unwrap();
    };
    BUILT.with(|site| {
        for (number, (_, bytes)) in site.files().into_iter().enumerate() {
            write(
                "index_file",
                format!("seed-{number}"),
                &[&[number as u8], bytes],
            );
        }
        write("manifest", "seed-built".to_owned(), &[site.manifest()]);
    });
    FUSED.with(|site| {
        // The filter comes first.
        let (path, bytes) = site.files()[0];
        assert!(path.ends_with("filter-00000.fuse"));
        write(
            "index_file",
            "seed-fused".to_owned(),
            &[&[u8::MAX - 1], bytes],
        );
        write("manifest", "seed-fused".to_owned(), &[site.manifest()]);
    });
    IMPORTED.with(|site| {
        write(
            "index_file",
            "seed-imported".to_owned(),
            &[&[u8::MAX], site.files()[0].1],
        );
        write("manifest", "seed-imported".to_owned(), &[site.manifest()]);
    });
    for choice in 0..12 {
        let (_, bytes) = &FORMATS[choice % 4];
        write(
            "records",
            format!("seed-{choice}"),
            &[&[choice as u8], bytes],
        );
    }
    let (json, part) = dump();
    write("redis_bloom", "seed".to_owned(), &[&json, b"\0", &part]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_binary_file_is_an_error_or_another_answer(which: Choice, changes in changes()) {
        for site in [&BUILT, &LEAN, &FUSED, &IMPORTED] {
            site.with(|site| {
                let files = site.files();
                let which = which.index(files.len());
                let bytes = changed(files[which].1, &changes);
                within_bounds(bytes.len(), || site.with_file(which, &bytes));
            });
        }
    }

    #[test]
    fn a_changed_manifest_is_an_error_or_another_answer(changes in changes()) {
        for site in [&BUILT, &LEAN, &FUSED, &IMPORTED] {
            site.with(|site| {
                let json = changed(site.manifest(), &changes);
                within_bounds(json.len(), || site.with_manifest(&json));
            });
        }
    }

    #[test]
    fn a_changed_dump_is_an_error_or_another_filter(json_too: bool, changes in changes()) {
        let (json, part) = dump();
        let json = if json_too { changed(&json, &changes) } else { json };
        let part = changed(&part, &changes);
        BUILT.with(|site| {
            within_bounds(json.len() + part.len(), || site.with_dump(&json, &part));
        });
    }

    #[test]
    fn changed_records_are_read_or_refused(
        format in 0..4usize,
        invalid in 0..3usize,
        changes in changes(),
    ) {
        let (name, bytes) = &FORMATS[format];
        let invalid = [InvalidText::Strict, InvalidText::Replace, InvalidText::Skip][invalid];
        let bytes = changed(bytes, &changes);
        BUILT.with(|site| {
            within_bounds(bytes.len(), || site.read_records(name, &bytes, invalid));
        });
    }
}
