//! Memory for numbers that are written all over the place.
//!
//! On large pages, where the system has them, whoever does so seldom misses a page's address, and the system clears the
//! memory in one go and not 4 KiB at a time.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A slice of numbers, zeros at first.
pub struct LargePages<T> {
    /// None for an empty slice, which cannot be mapped.
    map: Option<MmapMut>,
    numbers: PhantomData<T>,
}

impl<T: Pod> LargePages<T> {
    /// `length` zeros.
    ///
    /// # Panics
    /// If there is no memory for them.
    pub fn zeros(length: usize) -> Self {
        let too_many = |_| panic!("no memory for {length} numbers");
        Self::try_zeros(length).unwrap_or_else(too_many)
    }

    /// `length` zeros, or an error where there is no memory for them.
    pub fn try_zeros(length: usize) -> io::Result<Self> {
        let bytes = length
            .checked_mul(size_of::<T>())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let map = (bytes > 0).then(|| MmapMut::map_anon(bytes)).transpose()?;
        // Advice only: where the system does not take it, nothing else changes.
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

/// Bytes that are given back at a time: some large pages.
const CHUNK: usize = 8 << 20;

impl<T: Pod> LargePages<T> {
    /// Hands out the numbers a chunk at a time, in order; each chunk's memory goes back to the system behind it.
    ///
    /// Where the chunks are written to a file, the pages that keep the file in memory are then those just given back: on a
    /// virtual machine a page that is used for the first time costs several times the copying of its bytes.
    pub fn into_chunks<E>(self, mut take: impl FnMut(&[T]) -> Result<(), E>) -> Result<(), E> {
        let Some(map) = self.map else {
            return Ok(());
        };
        for begin in (0..map.len()).step_by(CHUNK) {
            let length = CHUNK.min(map.len() - begin);
            take(bytemuck::cast_slice(&map[begin..begin + length]))?;
            // SAFETY: private anonymous memory, to which nobody has a reference now: the map is ours, and what `take` saw
            // it cannot have kept. It reads as zeros from here on, which are numbers, too, and is not read again.
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
