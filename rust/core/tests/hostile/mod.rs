//! Passes hostile bytes to readers, for the mutation tests and the fuzz targets: writes them where a reader finds
//! them, and then uses everything that the reader gives access to. Errors are fine; a crash, a hang or a huge
//! allocation is not.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use quotetune_core::build::builder::Builder;
use quotetune_core::build::ingest::{self, Format, IngestOptions, Key, Keys, SourceName};
use quotetune_core::build::left_out::BadRecords;
use quotetune_core::build::options::{BuildOptions, WantedFilter};
use quotetune_core::filter_files::redis_bloom::import::{ImportOptions, import};
use quotetune_core::query::Index;
use quotetune_core::reading::fault::explain;
use quotetune_core::reading::opener::{Opening, Text};
use quotetune_core::reading::records::Records;
use quotetune_core::reading::source::Input;
use quotetune_core::store::verify::verify;
use quotetune_core::suffix::text_index::Suffixes;
use quotetune_core::text::normalization::Normalization;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

const HEADER: usize = 192;
const MANIFEST: &str = "manifest.json";

fn options() -> BuildOptions {
    BuildOptions {
        n: 8,
        threads: 1,
        segment_bytes: 700,
        ..BuildOptions::default()
    }
}

fn ingest_options(format: Format, bad_records: BadRecords) -> IngestOptions {
    let key = |name: &str| Key {
        name: name.to_owned(),
        required: false,
    };
    IngestOptions {
        keys: Keys {
            text: "text".to_owned(),
            id: Some(key("id")),
            source: SourceName::Key(key("source")),
            metadata: ["title", "more.a", "more"].map(str::to_owned).to_vec(),
        },
        format,
        default_source: "corpus".to_owned(),
        id_prefix: String::new(),
        text_id: "1".to_owned(),
        bad_records,
        on_signal: || true,
        lines: None,
    }
}

/// A small index of its own, whose files are overwritten and restored.
pub struct Site {
    folder: TempDir,
    whole: Vec<(PathBuf, Vec<u8>)>,
}

impl Site {
    pub fn new() -> Self {
        Self::built(options())
    }

    /// The same index with a fuse filter.
    pub fn fused() -> Self {
        Self::built(BuildOptions {
            filter: WantedFilter::Fuse,
            ..options()
        })
    }

    /// The same index with a lean suffix index.
    pub fn lean() -> Self {
        Self::built(BuildOptions {
            suffixes: Some(Suffixes::Anchors),
            ..options()
        })
    }

    /// The same index of folded text, which keeps the original text, too.
    pub fn folded() -> Self {
        Self::built(BuildOptions {
            normalization: Normalization::FoldCase,
            ..options()
        })
    }

    fn built(build: BuildOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("corpus.jsonl");
        let line = |n: u32| {
            format!(
                "{{\"id\": {n}, \"title\": \"t{n}\", \"text\": \"Chapter {n}: it was the best of times, “naïve” 東京 …{n}\"}}\n"
            )
        };
        fs::write(&corpus, (0..20).map(line).collect::<String>()).unwrap();
        let path = folder.path().join("index");
        let mut builder = Builder::create(&path, build).unwrap();
        let options = ingest_options(Format::Jsonl, BadRecords::Strict);
        ingest::ingest(&mut builder, &Input::File(corpus), &options, |_| Ok(())).unwrap();
        builder.finish(|_| Ok(())).unwrap();
        Self::of(folder)
    }

    /// An index with an imported filter.
    pub fn imported() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let (json, part) = dump();
        import_dump(folder.path(), &json, &part, &path).unwrap();
        Self::of(folder)
    }

    fn of(folder: TempDir) -> Self {
        let path = folder.path().join("index");
        let mut files: Vec<PathBuf> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let whole = files.into_iter().map(|path| {
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        });
        Self {
            whole: whole.collect(),
            folder,
        }
    }

    pub fn index(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    /// Returns every binary file with its undamaged bytes.
    pub fn files(&self) -> Vec<(&Path, &[u8])> {
        let files = self.whole.iter();
        files
            .filter(|(path, _)| !path.ends_with(MANIFEST))
            .map(|(path, bytes)| (&**path, &**bytes))
            .collect()
    }

    pub fn manifest(&self) -> &[u8] {
        let mut files = self.whole.iter();
        &files.find(|(path, _)| path.ends_with(MANIFEST)).unwrap().1
    }

    /// Uses the index with `bytes` in place of its binary file number `which`, after correcting the checksum of the
    /// header.
    pub fn with_file(&self, which: usize, bytes: &[u8]) -> bool {
        let files = self.files();
        let (path, whole) = files[which % files.len()];
        fs::write(path, sealed_file(bytes)).unwrap();
        let opened = use_index(&self.index());
        fs::write(path, whole).unwrap();
        opened
    }

    /// Uses the index with `json` as its manifest, after correcting the checksum in it.
    pub fn with_manifest(&self, json: &[u8]) -> bool {
        let path = self.index().join(MANIFEST);
        fs::write(&path, sealed_manifest(json)).unwrap();
        let opened = use_index(&self.index());
        fs::write(&path, self.manifest()).unwrap();
        opened
    }

    /// Read `bytes` as an input file of this name.
    pub fn read_records(&self, name: &str, bytes: &[u8], bad_records: BadRecords) -> bool {
        let format = match name.contains(".txt") {
            true => Format::Text,
            false => Format::Jsonl,
        };
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut builder = Builder::create(&self.folder.path().join("other"), options()).unwrap();
        let options = ingest_options(format, bad_records);
        let read = ingest::ingest(&mut builder, &Input::File(path), &options, |_| Ok(()));
        explained(read.map(drop)).is_some()
    }

    /// Read `bytes` as text of any kind, and as records; of what grows without end no more than some.
    pub fn read_text(&self, bytes: &[u8]) {
        const MOST: u64 = 16 << 20;
        let path = self.folder.path().join("text");
        fs::write(&path, bytes).unwrap();
        let opening = Opening {
            memory_limit: Some(256 << 20),
            on_signal: || true,
        };
        let input = Input::File(path);
        let read = || -> quotetune_core::error::Result<u64> {
            let mut text = Text::open(&input, opening)?.bytes.take(MOST);
            let read = io::copy(&mut text, &mut io::sink());
            read.map_err(|error| explain("text", &error))
        };
        let is_small = explained(read()).is_some_and(|length| length < MOST);
        let Some(text) = explained(Text::open(&input, opening)).filter(|_| is_small) else {
            return;
        };
        let Some(mut records) = explained(Records::new(text)) else {
            return;
        };
        while let Some(Some(record)) = explained(records.next_record()) {
            assert!(record.number >= 1 && record.line >= 1);
        }
    }

    /// Import a dump of this JSON header and this one part, and use it.
    pub fn with_dump(&self, json: &[u8], part: &[u8]) -> bool {
        let path = self.folder.path().join("imported");
        explained(import_dump(self.folder.path(), json, part, &path)).is_some() && use_index(&path)
    }
}

/// Returns a dump of a filter of 8-grams with some bits set, in one part named `part`.
pub fn dump() -> (Vec<u8>, Vec<u8>) {
    let mut part = Vec::new();
    part.extend_from_slice(&5u64.to_le_bytes());
    for number in [1u32, 4, 2] {
        part.extend_from_slice(&number.to_le_bytes());
    }
    for number in [64u64, 512, 5] {
        part.extend_from_slice(&number.to_le_bytes());
    }
    for number in [0.01f64, 9.6] {
        part.extend_from_slice(&number.to_le_bytes());
    }
    part.extend_from_slice(&3u32.to_le_bytes());
    part.extend_from_slice(&50u64.to_le_bytes());
    part.push(9);
    part.extend((0..64u8).map(|i| i.wrapping_mul(37)));
    let block = |number, iter, size| {
        format!(
            "{{\"iter\":{iter},\"block_num\":{number},\"block_size\":{size},\"part_file\":\"part\"}}"
        )
    };
    let blocks = [block(0, 1, 73), block(1, 41, 40), block(2, 65, 24)].join(",");
    let json = format!("{{\"blocks\":[{blocks}],\"width\":8}}");
    (json.into_bytes(), part)
}

fn import_dump(
    folder: &Path,
    json: &[u8],
    part: &[u8],
    output: &Path,
) -> quotetune_core::error::Result<()> {
    let header = folder.join("filter.bf");
    fs::write(&header, json).unwrap();
    fs::write(folder.join("part"), part).unwrap();
    let options = ImportOptions {
        parts: Vec::new(),
        n: None,
        normalization: Normalization::Squash,
        overwrite: true,
    };
    import(&header, output, &options, |_| Ok(())).map(drop)
}

/// Returns the value, or None after a check that the error is one line.
fn explained<T>(result: quotetune_core::error::Result<T>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error.to_string(),
    };
    assert!(!error.contains('\n'), "{error}");
    None
}

/// Asks an index everything. Returns whether it opened.
fn use_index(path: &Path) -> bool {
    let _ = explained(verify(path, |_| Ok(())));
    let Some(index) = explained(Index::open(path)) else {
        return false;
    };
    for text in [
        "Chapter 3: it was the best of times, it was the worst of times",
        "it was",
        "“naïve” 東京 …1",
        "",
    ] {
        explained(index.quip(text, false));
        explained(index.quip(text, true));
        explained(index.reports(&[text], 10, false));
        explained(index.traces(&[text, "", text], 3, 10));
        explained(index.count(text));
        explained(index.contains(text));
    }
    explained(index.names(0, 20));
    for id in 0..20 {
        explained(index.document("corpus", &id.to_string()));
        explained(index.find("corpus", &id.to_string(), "東京"));
    }
    if let Some(topic) = explained(index.topic([("corpus", "1"), ("corpus", "2")])) {
        index.topic_quip("it was the best of times", &topic);
    }
    true
}

/// Returns a binary file with the true length and checksum in its header, so that readers get past it to its other
/// faults.
pub fn sealed_file(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= HEADER {
        let length = bytes.len() as u64;
        bytes[48..56].copy_from_slice(&length.to_le_bytes());
        let checksum = xxh3_64(&bytes[..HEADER - 8]);
        bytes[HEADER - 8..HEADER].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

/// Returns a manifest with its true checksum.
pub fn sealed_manifest(json: &[u8]) -> Vec<u8> {
    const KEY: &[u8] = b"\"checksum\": \"";
    let mut json = json.to_vec();
    let found = json.windows(KEY.len()).rposition(|window| window == KEY);
    let digits = found.map(|start| start + KEY.len()..start + KEY.len() + 16);
    if let Some(digits) = digits.filter(|digits| digits.end <= json.len()) {
        json[digits.clone()].fill(b'0');
        let checksum = format!("{:016x}", xxh3_64(&json));
        json[digits].copy_from_slice(checksum.as_bytes());
    }
    json
}
