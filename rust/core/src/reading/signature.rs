//! Recognises compressed and binary files by their first bytes.

/// The compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    /// Its name in messages.
    pub fn data(self) -> &'static str {
        match self {
            Self::Gzip => "gzip data",
            Self::Zstd => "zstd data",
            Self::Bzip2 => "bzip2 data",
            Self::Xz => "xz data",
        }
    }

    /// Returns the compression that the ending of a file name promises.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "gz" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            "bz2" => Self::Bzip2,
            "xz" => Self::Xz,
            _ => return None,
        })
    }

    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        const BLOCK: &[u8] = b"1AY&SY";
        const EMPTY: &[u8] = b"\x17rE8P\x90";
        match head {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            // A skippable frame. pzstd starts its files with one.
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            // A text could also start with these three letters and a digit.
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(BLOCK) || rest.starts_with(EMPTY) =>
            {
                Some(Self::Bzip2)
            }
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// Returns whether `head` is a whole file that was cut within the signature of this compression.
    pub fn is_cut(self, head: &[u8]) -> bool {
        let whole: &[u8] = match self {
            Self::Gzip => b"\x1F\x8B",
            Self::Zstd => b"\x28\xB5\x2F\xFD",
            Self::Bzip2 => b"BZh91AY&SY",
            Self::Xz => b"\xFD7zXZ\0",
        };
        let level = |at: usize| self == Self::Bzip2 && at == 3;
        head.len() < whole.len() && (0..head.len()).all(|at| head[at] == whole[at] || level(at))
    }
}

/// The length of the longest signature.
const LONGEST: usize = 10;

/// Returns whether `head` is long enough to recognise a signature.
pub fn is_decided(head: &[u8]) -> bool {
    const FIRST: &[u8] = b"\x1F\x28BP\xFDAK7%\x04\xD0QRSTUVWXYZ[\\]^_";
    match head.first() {
        None => false,
        Some(first) => head.len() >= LONGEST || !FIRST.contains(first),
    }
}

/// Returns the name of a format that contains no text, and the remedy.
pub fn refused(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it and give the files in it";
    const TABLES: &str =
        "name the uncompressed file itself, because a pipe cannot be read as Parquet";
    match head {
        // A text could also start with these four letters. In Parquet, this byte, the first field's, comes next.
        [b'P', b'A', b'R', b'1', 0x15, ..] => Some(("Parquet data", TABLES)),
        [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => {
            Some(("Arrow data", "convert it to Parquet or JSONL"))
        }
        [b'P', b'K', 3, 4, ..] => Some(("a zip archive", UNPACK)),
        [b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => Some(("a 7z archive", UNPACK)),
        [0x04, 0x22, 0x4D, 0x18, ..] => Some(("lz4 data", "decompress it")),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(("a PDF", "convert it to text")),
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => {
            Some(("an Office document", "convert it to text"))
        }
        _ if head.get(257..262) == Some(b"ustar") => Some(("a tar archive", UNPACK)),
        _ => None,
    }
}
