//! Suffix arrays: all suffixes of a segment's text in bytewise order.

use libsais::SuffixArrayConstruction;

use crate::memory::large_pages::LargePages;

/// Follows every document in the text of a segment. UTF-8 never contains this byte.
pub const SEPARATOR: u8 = 0xFF;

/// The longest text of a segment, in bytes: positions are built as signed 32-bit numbers.
pub const MAX_TEXT: usize = i32::MAX as usize;

/// Returns the suffix array of `text`: the positions of all suffixes in bytewise order, built in linear time.
///
/// # Panics
/// If `text` is longer than [`MAX_TEXT`].
pub fn suffix_array(text: &[u8]) -> LargePages<u32> {
    assert!(text.len() <= MAX_TEXT, "a segment of {} bytes", text.len());
    let mut positions = LargePages::zeros(text.len());
    if !text.is_empty() {
        SuffixArrayConstruction::for_text(text)
            .in_borrowed_buffer(bytemuck::cast_slice_mut::<u32, i32>(&mut positions))
            .single_threaded()
            .run()
            .expect("libsais fails only without memory for its few tables");
    }
    positions
}
