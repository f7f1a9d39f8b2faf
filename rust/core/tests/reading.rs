//! Files of text as they come: compressed in one of four ways and encoded in one of three, whatever their names.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use proptest::prelude::*;
use quotetune_core::error::Result;
use quotetune_core::reading::opener::{Opening, Text};
use quotetune_core::reading::records::Records;
use quotetune_core::reading::source::Input;
use tempfile::TempDir;

const OPENING: Opening = Opening {
    memory_limit: None,
    on_signal: || true,
};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn input(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Input::File(path)
    }

    /// All that a file of this name and content reads as, or the words of the error behind the file's name.
    fn read(&self, name: &str, bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
        self.read_within(name, bytes, OPENING)
    }

    fn read_within(
        &self,
        name: &str,
        bytes: &[u8],
        opening: Opening,
    ) -> std::result::Result<Vec<u8>, String> {
        let input = self.input(name, bytes);
        let read = || -> Result<Vec<u8>> {
            let mut text = Text::open(&input, opening)?;
            let mut bytes = Vec::new();
            let read = text.bytes.read_to_end(&mut bytes);
            read.map_err(|error| quotetune_core::reading::fault::explain(&text.name, &error))?;
            Ok(bytes)
        };
        read().map_err(|error| {
            let name = format!("{}: ", input.name());
            error.to_string().replacen(&name, "", 1)
        })
    }
}

impl Place {
    /// The words of the error that reading ends in.
    fn fail(&self, name: &str, bytes: &[u8]) -> String {
        self.fail_within(name, bytes, OPENING)
    }

    fn fail_within(&self, name: &str, bytes: &[u8], opening: Opening) -> String {
        let read = self.read_within(name, bytes, opening);
        read.map(|bytes| bytes.len()).unwrap_err()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;
const COMPRESSIONS: [(&str, &str, Compress); 4] = [
    ("gz", "gzip", gzip),
    ("zst", "zstd", zstd),
    ("bz2", "bzip2", bzip2),
    ("xz", "xz", xz),
];

const TEXT: &[u8] = b"{\"text\": \"It was the best of times, it was the worst of times\"}\n";

#[test]
fn the_first_bytes_decide_how_a_file_is_compressed_and_not_its_name() {
    let place = Place::new();
    for (ending, _, compress) in COMPRESSIONS {
        for name in [
            "a.jsonl",
            "a",
            "a.jsonl.gz",
            "a.zst",
            &format!("a.{ending}"),
        ] {
            assert_eq!(place.read(name, &compress(TEXT)).unwrap(), TEXT, "{name}");
        }
        assert_eq!(place.read(&format!("plain.{ending}"), TEXT).unwrap(), TEXT);
        assert_eq!(place.read("empty", &compress(b"")).unwrap(), b"");
    }
    assert_eq!(place.read("empty", b"").unwrap(), b"");
}

#[test]
fn parts_that_were_joined_are_read_as_one() {
    let place = Place::new();
    let large: Vec<u8> = (0..900_000u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8 | 1)
        .collect();
    for (_, _, compress) in COMPRESSIONS {
        let joined = [
            compress(TEXT),
            compress(b""),
            compress(&large),
            compress(TEXT),
        ]
        .concat();
        let expected = [TEXT, &large, TEXT].concat();
        assert!(place.read("a", &joined).unwrap() == expected);
    }
    let skipped = b"\x50\x2A\x4D\x18\x03\0\0\0abc";
    let joined = [skipped, &zstd(TEXT)[..], skipped, &zstd(TEXT)].concat();
    assert_eq!(place.read("a", &joined).unwrap(), TEXT.repeat(2));
    let padded = [&gzip(TEXT)[..], &[0; 700]].concat();
    assert_eq!(place.read("a", &padded).unwrap(), TEXT);
}

#[test]
fn a_compressed_file_that_is_cut_is_an_error_wherever_the_cut_is() {
    let place = Place::new();
    for (ending, data, compress) in COMPRESSIONS {
        let name = format!("a.{ending}");
        let whole = compress(TEXT);
        for length in 0..whole.len() {
            let error = place.fail(&name, &whole[..length]);
            let expected = format!("cannot read on: truncated {data} data: ");
            assert!(error.starts_with(&expected), "{length}: {error}");
        }
    }
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    let place = Place::new();
    for (_, data, compress) in COMPRESSIONS {
        let error = place.fail("a", &[&compress(TEXT), TEXT].concat());
        assert!(error.contains(&format!("{data} data")), "{error}");
    }
}

#[test]
fn a_changed_byte_of_checked_data_is_an_error_that_names_the_compression() {
    let place = Place::new();
    for (_, data, compress) in [COMPRESSIONS[0], COMPRESSIONS[2], COMPRESSIONS[3]] {
        let mut bytes = compress(TEXT);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        let error = place.fail("a", &bytes);
        let expected = format!("cannot read on: damaged {data} data (");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_window_is_read_as_far_as_the_memory_limit_allows() {
    let place = Place::new();
    let frame = |log: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(TEXT).unwrap();
        encoder.finish().unwrap()
    };
    let limited = |limit: u64| Opening {
        memory_limit: Some(limit),
        ..OPENING
    };
    assert_eq!(place.read("a", &frame(31)).unwrap(), TEXT);
    assert_eq!(
        place
            .read_within("a", &frame(27), limited(256 << 20))
            .unwrap(),
        TEXT
    );
    assert_eq!(
        place
            .read_within("a", &frame(28), limited(384 << 20))
            .unwrap(),
        TEXT
    );
    // The second frame's is looked at, too.
    let joined = [frame(20), frame(28)].concat();
    for bytes in [frame(28), joined] {
        let error = place.fail_within("a", &bytes, limited(256 << 20));
        assert_eq!(
            error,
            "zstd data with a window of 268435456 bytes, more than the 134217728 that the memory limit leaves: \
             raise --memory-limit, or compress the file again with a smaller window"
        );
    }
    let mut huge = frame(31);
    huge[5] = ((31 - 10) << 3) | 1;
    let error = place.fail("a", &huge);
    assert!(
        error.contains("window of 2415919104 bytes, more than 2147483648"),
        "{error}"
    );
}

#[test]
fn the_window_of_a_frame_in_one_segment_is_its_content() {
    let place = Place::new();
    let limited = Opening {
        memory_limit: Some(256 << 20),
        ..OPENING
    };
    // A number of a dictionary, none to four bytes long, may stand in front of the size of the content.
    for (flag, dictionary) in [(0, 0), (1, 1), (2, 2), (3, 4)] {
        for (size_flag, size, bytes) in
            [(2u8, 314_572_800u64, 4), (3, 1 << 30, 8), (3, u64::MAX, 8)]
        {
            let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, size_flag << 6 | 0x20 | flag];
            frame.extend(vec![0; dictionary]);
            frame.extend(&size.to_le_bytes()[..bytes]);
            let error = place.fail_within("a", &frame, limited);
            let expected = format!("zstd data with a window of {size} bytes, more than ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    let small = zstd::bulk::compress(TEXT, 1).unwrap();
    assert_eq!(small[4] & 0x20, 0x20);
    assert_eq!(place.read_within("a", &small, limited).unwrap(), TEXT);
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| {
        if big {
            unit.to_be_bytes()
        } else {
            unit.to_le_bytes()
        }
    };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn byte_order_marks_are_taken_off_and_utf_16_becomes_utf_8() {
    let place = Place::new();
    let text = "naïve 東京 🦀\n".repeat(40_000);
    let marked = format!("\u{FEFF}{text}");
    for bytes in [
        text.clone().into_bytes(),
        marked.clone().into_bytes(),
        utf16(&marked, true),
        utf16(&marked, false),
        gzip(&utf16(&marked, false)),
    ] {
        assert!(place.read("a", &bytes).unwrap() == text.as_bytes());
    }
    for mark in ["\u{FEFF}", ""] {
        assert_eq!(place.read("a", mark.as_bytes()).unwrap(), b"");
    }
    assert_eq!(place.read("a", b"\xFF\xFE").unwrap(), b"");
}

#[test]
fn utf_16_that_is_cut_or_has_no_mark_is_refused() {
    let place = Place::new();
    let text = "It was the best of times";
    for big in [false, true] {
        for text in [text, "Это было лучшее время, это было худшее время", "a"]
        {
            let error = place.fail("a", &utf16(text, big));
            assert!(
                error.contains("as in UTF-16 without a byte order mark"),
                "{error}"
            );
        }
        let mut bytes = utf16(&format!("\u{FEFF}{text}"), big);
        bytes.pop();
        let error = place.fail("a", &bytes);
        assert!(error.contains("truncated UTF-16 text"), "{error}");
    }
    for bytes in [b"\xFF\xFE\0\0a\0\0\0", b"\0\0\xFE\xFF\0\0\0a"] {
        assert_eq!(place.fail("a", bytes), "UTF-32 text: convert it to UTF-8");
    }
    // One that stands in a text by chance is none.
    let text = [b"a text".repeat(10), b"\0".to_vec()].concat();
    assert_eq!(place.read("a", &text).unwrap(), text);
}

#[test]
fn what_holds_no_text_is_refused_by_its_name() {
    let place = Place::new();
    let mut tar = vec![0; 1024];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, expected) in [
        (
            b"PAR1\x15\x04\x15 ...".to_vec(),
            "Parquet data: name the uncompressed file itself",
        ),
        (b"PK\x03\x04\x14\0".to_vec(), "a zip archive: "),
        (b"%PDF-1.7\n".to_vec(), "a PDF: "),
        (
            gzip(b"PAR1\x15\x04\x15 ..."),
            "Parquet data inside gzip data: name the uncompressed file itself",
        ),
        (gzip(&tar), "a tar archive inside gzip data: unpack it"),
        (
            gzip(&gzip(TEXT)),
            "gzip data inside gzip data: decompress it once",
        ),
        (zstd(&xz(TEXT)), "xz data inside zstd data: "),
    ] {
        let error = place.fail("a.jsonl", &bytes);
        assert!(error.starts_with(expected), "{error}");
    }
    for text in [
        "PAR1 is a text",
        "BZh9 is a text",
        "P",
        "PK",
        "%PDF",
        "B",
        "(",
        "BZh91AY&S",
    ] {
        assert_eq!(place.read("a", text.as_bytes()).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_pipe_is_read_line_by_line_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let (said, heard) = std::sync::mpsc::channel();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(path).unwrap();
            for line in ["{\"n\": 1}\n", "{\"n\": 2}\n"] {
                pipe.write_all(line.as_bytes()).unwrap();
                // The line is read before the next one is written.
                heard.recv().unwrap();
            }
        }
    });
    let mut records = Records::new(Text::open(&Input::File(path), OPENING).unwrap()).unwrap();
    for expected in ["{\"n\": 1}", "{\"n\": 2}"] {
        assert_eq!(
            records.next_record().unwrap().unwrap().bytes,
            expected.as_bytes()
        );
        said.send(()).unwrap();
    }
    assert_eq!(records.next_record().unwrap(), None);
    writer.join().unwrap();
}

proptest! {
    #[test]
    fn utf_16_is_decoded_as_the_library_does(units in prop::collection::vec(any::<u16>(), 0..40), high in 0..3u16) {
        // Halves of characters are frequent.
        let units: Vec<u16> = units.iter().map(|unit| if high > 0 { 0xD800 | (unit % 0x801) } else { *unit }).collect();
        let bytes: Vec<u8> = [0xFEFF].iter().chain(&units).flat_map(|unit| unit.to_be_bytes()).collect();
        let found = Place::new().read("a", &bytes).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf16_lossy(&units));
    }
}

#[test]
fn halves_of_a_character_meet_over_the_edge_of_a_buffer() {
    let place = Place::new();
    for before in (1 << 17) - 3..(1 << 17) + 3 {
        let text = "a".repeat(before) + "🦀🦀" + "b";
        let found = place
            .read("a", &utf16(&format!("\u{FEFF}{text}"), false))
            .unwrap();
        assert!(found == text.as_bytes(), "{before}");
    }
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let path = Path::new("/nowhere/a.jsonl").to_owned();
    let error = Text::open(&Input::File(path), OPENING)
        .map(drop)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot open /nowhere/a.jsonl: ")
    );
}
