//! The files of a dump: a JSON header that lists blocks, and the parts that hold the blocks in order.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::header::{FilterHeader, HEADER_LENGTH, StatedInfo};
use crate::error::{Error, Result};

/// Far more than the header of any filter. It keeps a part that was passed as the header out of memory.
const MAX_JSON: u64 = 64 << 20;
/// Enough for the header of a chain of 70 filters, so that their number can be reported.
const MAX_FIRST_BLOCK: u64 = 4096;
/// No disk is larger, and sums of such lengths do not overflow.
const MAX_FILTER: u64 = 1 << 60;
const LEGACY_ENDING: &str = "idx";

const GET_AGAIN: &str = "get the files again";
const OTHER_FILTER: &str = "only one filter of 64-bit hashes can be imported";

#[derive(Deserialize)]
struct Json {
    blocks: Vec<Block>,
    width: usize,
    bf_info: Option<StatedInfo>,
}

#[derive(Deserialize)]
struct Block {
    /// Redis's cursor: one more than the filter's bytes up to the end of the block.
    iter: u64,
    block_num: u64,
    block_size: u64,
    part_file: Option<String>,
}

/// A published filter: its parameters, and the place of its bits.
#[derive(Debug)]
pub struct Dump {
    /// Characters per n-gram; the older layout does not record them.
    pub width: Option<usize>,
    pub header: FilterHeader,
    /// In order. The first one starts with the block of the header.
    parts: Vec<Part>,
}

impl Dump {
    /// Reads the JSON header and the first block, and checks the lengths of all files. `parts` replace the files that
    /// the header names, which are next to it.
    pub fn open(path: &Path, parts: &[PathBuf]) -> Result<Self> {
        let json = read_json(path)?;
        let is_list = json.trim_ascii_start().starts_with(b"[");
        let (width, blocks, stated) = if is_list {
            (None, parse::<Vec<Block>>(path, &json)?, None)
        } else {
            let json: Json = parse(path, &json)?;
            (Some(json.width), json.blocks, json.bf_info)
        };
        check_order(path, &blocks)?;
        let named = match is_list {
            true => whole_file(path, &blocks, parts)?,
            false => named_parts(path, &blocks)?,
        };
        let parts = found_elsewhere(path, named, parts)?;
        for part in &parts {
            part.check_length()?;
        }
        let first = read_first_block(&parts[0].path, blocks[0].block_size)?;
        let header = FilterHeader::parse(&first, stated);
        let header = header.map_err(|what| Error::input(path.display(), what, OTHER_FILTER))?;
        let bytes: u64 = blocks[1..].iter().map(|block| block.block_size).sum();
        if bytes != header.bytes {
            let whole = header.bytes;
            let what = format!("its blocks hold {bytes} bytes, but the filter has {whole}");
            return Err(Error::input(path.display(), what, GET_AGAIN));
        }
        Ok(Self {
            width,
            header,
            parts,
        })
    }

    /// Calls `sink` with all bytes of the filter, in order, a chunk at a time.
    pub fn for_each_chunk(&self, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut chunk = vec![0; 1 << 20];
        let mut header = HEADER_LENGTH;
        for part in &self.parts {
            let file = File::open(&part.path).map_err(Error::io("open", &part.path))?;
            let mut file = file.take(part.length);
            loop {
                let read = file.read(&mut chunk);
                let length = read.map_err(Error::io("read", &part.path))?;
                if length == 0 {
                    break;
                }
                // A read is allowed to return less than the header.
                let skipped = header.min(length);
                header -= skipped;
                sink(&chunk[skipped..length])?;
            }
            if file.limit() > 0 {
                let what = format!("it lost {} bytes while it was read", file.limit());
                return Err(Error::input(part.path.display(), what, GET_AGAIN));
            }
        }
        Ok(())
    }
}

/// A file of blocks.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// Bytes of all its blocks together.
    length: u64,
}

impl Part {
    fn check_length(&self) -> Result<()> {
        let metadata = fs::metadata(&self.path).map_err(Error::io("read", &self.path))?;
        let (found, expected) = (metadata.len(), self.length);
        if found != expected {
            let what =
                format!("{found} bytes long, but the header lists blocks of {expected} bytes");
            return Err(Error::input(self.path.display(), what, GET_AGAIN));
        }
        Ok(())
    }
}

fn read_json(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut json = Vec::new();
    let read = file.take(MAX_JSON + 1).read_to_end(&mut json);
    read.map_err(Error::io("read", path))?;
    if json.len() as u64 > MAX_JSON {
        return Err(not_a_header(path, "too long for a JSON header"));
    }
    Ok(json)
}

fn parse<T: DeserializeOwned>(path: &Path, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|error| not_a_header(path, &format!("no JSON header of a Bloom filter ({error})")))
}

fn not_a_header(path: &Path, what: &str) -> Error {
    let remedy = "give the small file NAME.bf, or NAME.bf.idx of the older layout";
    Error::input(path.display(), what, remedy)
}

/// Checks that the blocks are numbered and follow each other without a gap.
fn check_order(path: &Path, blocks: &[Block]) -> Result<()> {
    let bad = |what: String| Err(Error::input(path.display(), what, GET_AGAIN));
    let [first, rest @ ..] = blocks else {
        return bad("it lists no blocks".to_owned());
    };
    if first.block_size > MAX_FIRST_BLOCK {
        let size = first.block_size;
        return bad(format!("the first block, the header, has {size} bytes"));
    }
    let mut cursor = 1u64;
    for (number, block) in blocks.iter().enumerate() {
        let size = if number == 0 { 0 } else { block.block_size };
        cursor = match cursor.checked_add(size) {
            Some(cursor) if cursor <= MAX_FILTER => cursor,
            _ => return bad(format!("block {number} is {size} bytes long")),
        };
        if block.block_num != number as u64 || block.iter != cursor {
            return bad(format!("block {number} is missing or out of order"));
        }
    }
    match rest {
        [] => bad("it lists no block of bits".to_owned()),
        _ => Ok(()),
    }
}

/// Returns the parts that the header names, with the sums of their blocks.
fn named_parts(path: &Path, blocks: &[Block]) -> Result<Vec<Part>> {
    let bad = |what: String| Err(Error::input(path.display(), what, GET_AGAIN));
    let mut parts: Vec<Part> = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let Some(name) = &block.part_file else {
            return bad(format!("block {number} names no part_file"));
        };
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return bad(format!(
                "part_file {name:?} is not the name of a file beside it"
            ));
        }
        let path = path.with_file_name(name);
        match parts.last_mut() {
            // `check_order` has already added up all sizes.
            Some(last) if last.path == path => last.length += block.block_size,
            _ => parts.push(Part {
                path,
                length: block.block_size,
            }),
        }
    }
    let mut paths: Vec<&Path> = parts.iter().map(|part| &*part.path).collect();
    paths.sort_unstable();
    match paths.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => bad(format!("part {} comes twice", pair[0].display())),
        None => Ok(parts),
    }
}

/// Reads the older layout, in which all blocks are in one file: NAME.bf next to NAME.bf.idx.
fn whole_file(path: &Path, blocks: &[Block], given: &[PathBuf]) -> Result<Vec<Part>> {
    if given.is_empty()
        && path
            .extension()
            .is_none_or(|ending| ending != LEGACY_ENDING)
    {
        let path = path.display();
        return Err(Error::Usage(format!(
            "{path}: lists blocks without naming their file; give that file as well"
        )));
    }
    Ok(vec![Part {
        path: path.with_extension(""),
        length: blocks.iter().map(|block| block.block_size).sum(),
    }])
}

/// Moves the parts to the given paths, if any were given.
fn found_elsewhere(path: &Path, mut parts: Vec<Part>, given: &[PathBuf]) -> Result<Vec<Part>> {
    if !given.is_empty() && given.len() != parts.len() {
        return Err(Error::Usage(format!(
            "{}: {} parts given for the {} it lists; give all, or none",
            path.display(),
            given.len(),
            parts.len()
        )));
    }
    for (part, given) in parts.iter_mut().zip(given) {
        part.path.clone_from(given);
    }
    Ok(parts)
}

fn read_first_block(part: &Path, length: u64) -> Result<Vec<u8>> {
    let mut block = vec![0; length as usize];
    let mut file = File::open(part).map_err(Error::io("open", part))?;
    file.read_exact(&mut block)
        .map_err(Error::io("read", part))?;
    Ok(block)
}
