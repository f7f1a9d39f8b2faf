//! Memory for numbers that are written in scattered places.
//!
//! Where the system has large pages, scattered writes seldom miss the TLB, and the system clears the
//! memory in a few large steps instead of 4 KiB at a time.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A slice of numbers, all zero at first.
pub struct LargePages<T> {
    /// None for an empty slice, which cannot be mapped.
    map: Option<MmapMut>,
    numbers: PhantomData<T>,
}

impl<T: Pod> LargePages<T> {
    /// Allocates `length` zeros.
    ///
    /// # Panics
    /// If there is not enough memory.
    pub fn zeros(length: usize) -> Self {
        let too_many = |_| panic!("not enough memory for {length} numbers");
        Self::try_zeros(length).unwrap_or_else(too_many)
    }

    /// Allocates `length` zeros, or returns an error if there is not enough memory.
    pub fn try_zeros(length: usize) -> io::Result<Self> {
        let bytes = length
            .checked_mul(size_of::<T>())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let map = (bytes > 0).then(|| MmapMut::map_anon(bytes)).transpose()?;
        // This is advice: if the system does not take it, nothing else changes.
        #[cfg(target_os = "linux")]
        let _ = map
            .as_ref()
            .map(|map| map.advise(memmap2::Advice::HugePage));
        Ok(Self {
            map,
            numbers: PhantomData,
        })
    }
}

/// Bytes that are given back at a time: a few large pages.
const CHUNK: usize = 8 << 20;

impl<T: Pod> LargePages<T> {
    /// Hands out the numbers in order, one chunk at a time. After each chunk its memory goes back to the system.
    ///
    /// If the chunks are written to a file, the page cache can reuse the pages that were just given back. On a
    /// virtual machine the first use of a page costs several times as much as copying its bytes.
    pub fn into_chunks<E>(self, mut take: impl FnMut(&[T]) -> Result<(), E>) -> Result<(), E> {
        let Some(map) = self.map else {
            return Ok(());
        };
        for begin in (0..map.len()).step_by(CHUNK) {
            let length = CHUNK.min(map.len() - begin);
            take(bytemuck::cast_slice(&map[begin..begin + length]))?;
            // SAFETY: this is private anonymous memory that nobody refers to: the map is ours, and `take` cannot have
            // kept the slice. From here on it reads as zeros, which are valid numbers, and it is not read again.
            // `chunks_come_in_order_and_whole` runs this path.
            #[cfg(target_os = "linux")]
            let _ = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, begin, length)
            };
        }
        Ok(())
    }
}

impl<T: Pod> Deref for LargePages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.map.as_deref().map_or(&[], bytemuck::cast_slice)
    }
}

impl<T: Pod> DerefMut for LargePages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.map
            .as_deref_mut()
            .map_or(&mut [], bytemuck::cast_slice_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_order_and_whole() {
        for length in [0, 1, CHUNK / 4, CHUNK / 4 + 1, CHUNK] {
            let mut numbers = LargePages::<u32>::zeros(length);
            for (index, number) in numbers.iter_mut().enumerate() {
                *number = index as u32;
            }
            let mut seen = 0;
            let taken: Result<(), ()> = numbers.into_chunks(|chunk| {
                assert!(chunk.iter().copied().eq(seen..seen + chunk.len() as u32));
                seen += chunk.len() as u32;
                Ok(())
            });
            assert_eq!((taken, seen), (Ok(()), length as u32));
        }
        assert_eq!(LargePages::<u64>::zeros(9).into_chunks(|_| Err(3)), Err(3));
    }

    #[test]
    fn all_numbers_are_zero_until_they_are_written() {
        for length in [0, 1, 1_000_000] {
            let mut numbers = LargePages::<u32>::zeros(length);
            assert_eq!(numbers.len(), length);
            assert!(numbers.iter().all(|&number| number == 0));
            numbers.fill(7);
            assert_eq!(
                numbers.iter().map(|&n| n as usize).sum::<usize>(),
                7 * length
            );
        }
        assert!(LargePages::<u64>::try_zeros(usize::MAX).is_err());
    }
}
