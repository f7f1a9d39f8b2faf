//! The first block of a dump: RedisBloom's SCANDUMP header, as packed little-endian numbers.

use serde::Deserialize;

/// RedisBloom's option for 64-bit hashes at every size. Without it, small filters use other hashes.
const FORCE_64: u32 = 4;
const CHAIN_LENGTH: usize = 20;
/// Length of the header of a chain of one filter.
pub const HEADER_LENGTH: usize = 73;
/// Enough for 10^-70 false positives. A higher limit would only make a damaged header costly.
const MAX_HASHES: u32 = 255;

/// The parameters of a filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterHeader {
    /// N-grams that were added and not yet in it.
    pub elements: u64,
    /// N-grams that it was sized for.
    pub capacity: u64,
    /// False-positive rate that it was sized for.
    pub stated_fpr: f64,
    /// Length of its bits in bytes.
    pub bytes: u64,
    /// The modulus of the hashes.
    pub bits: u64,
    /// Bits that an n-gram sets.
    pub hashes: u32,
}

/// The part of the first block that the JSON header repeats.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct StatedInfo {
    bytes: u64,
    bits: u64,
    hashes: u32,
    n2: u8,
}

/// Reads numbers from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
}

impl FilterHeader {
    /// Returns the filter of the block, which must agree with the JSON header, or a description of what is wrong with
    /// it.
    pub fn parse(block: &[u8], stated: Option<StatedInfo>) -> Result<Self, String> {
        let length = block.len();
        let short = || format!("the first block is {length} bytes long instead of {HEADER_LENGTH}");
        let (chain, filter) = block.split_at_checked(CHAIN_LENGTH).ok_or_else(short)?;
        Self::check_chain(&mut Fields(chain)).ok_or_else(short)??;
        if length != HEADER_LENGTH {
            return Err(short());
        }
        let (header, info) = Self::read(&mut Fields(filter)).ok_or_else(short)?;
        if stated.is_some_and(|stated| stated != info) {
            return Err("its bf_info is not that of the first block".to_owned());
        }
        header.check(info)
    }

    fn check_chain(fields: &mut Fields) -> Option<Result<(), String>> {
        let (_size, filters, options) = (fields.u64()?, fields.u32()?, fields.u32()?);
        Some(if filters != 1 {
            Err(format!(
                "a chain of {filters} filters, but only one can be read"
            ))
        } else if options & FORCE_64 == 0 {
            Err(format!(
                "a filter without the option to force 64-bit hashes (options {options})"
            ))
        } else {
            Ok(())
        })
    }

    fn read(fields: &mut Fields) -> Option<(Self, StatedInfo)> {
        let (bytes, bits, elements) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let (stated_fpr, _bits_per_element) = (fields.f64()?, fields.f64()?);
        let (hashes, capacity) = (fields.u32()?, fields.u64()?);
        let [n2] = fields.take()?;
        let header = Self {
            elements,
            capacity,
            stated_fpr,
            bytes,
            bits: match n2 {
                0 => bits,
                // 0 if the number does not fit 64 bits: `check` refuses it.
                _ => 1u64.checked_shl(n2.into()).unwrap_or(0),
            },
            hashes,
        };
        let info = StatedInfo {
            bytes,
            bits,
            hashes,
            n2,
        };
        Some((header, info))
    }

    fn check(self, info: StatedInfo) -> Result<Self, String> {
        let StatedInfo {
            bytes,
            bits,
            hashes,
            n2,
        } = info;
        if !is_possible(self.bits, bytes, hashes) {
            return Err(format!(
                "the first block states {bits} bits (n2 {n2}) in {bytes} bytes, and {hashes} hashes"
            ));
        }
        if !(self.stated_fpr > 0.0 && self.stated_fpr < 1.0) {
            return Err(format!(
                "the first block states an error rate of {}",
                self.stated_fpr
            ));
        }
        Ok(self)
    }
}

/// Whether `bytes` hold that many bits, and an n-gram can set that many of them.
pub fn is_possible(bits: u64, bytes: u64, hashes: u32) -> bool {
    bits > 0 && bits.div_ceil(8) <= bytes && (1..=MAX_HASHES).contains(&hashes)
}
