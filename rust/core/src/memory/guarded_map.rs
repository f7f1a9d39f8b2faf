//! Files that are mapped into memory, and can tell afterwards whether they were cut meanwhile.
//!
//! Where a whole page is missing, `bus_error` puts zeros and notes that. Within the last page of a file that is cut, the
//! system puts zeros by itself and nobody notices, so each map remembers one byte near its end.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{Ordering, compiler_fence};

use memmap2::{Advice, Mmap};

use super::bus_error::{Place, page_size};

/// A file that is mapped for reading.
pub struct GuardedMap {
    map: Mmap,
    place: &'static Place,
    /// The index and the value of the last byte that is not zero, looked for in the last page only. If that page has none,
    /// it is the first byte of the page. None for an empty file.
    end: Option<(usize, u8)>,
}

impl GuardedMap {
    /// Maps a whole file.
    ///
    /// # Safety
    /// Nobody writes to the file. Cutting it is harmless, see `is_cut`.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the caller guarantees that the bytes do not change. If the file is cut, some become zeros, and reading
        // them stays possible, because the place is taken before the first of them is read.
        let map = unsafe { Mmap::map(file) }?;
        let place = Place::take(map.as_ptr() as usize, map.len());
        let mut guarded = Self {
            map,
            place,
            end: None,
        };
        guarded.end = guarded.find_end();
        Ok(guarded)
    }

    fn find_end(&self) -> Option<(usize, u8)> {
        let start = self.map.len().checked_sub(1)? & !(page_size() - 1);
        let last_page = &self.map[start..];
        let last = last_page.iter().rposition(|&byte| byte != 0).unwrap_or(0);
        Some((start + last, last_page[last]))
    }

    /// Whether the file was cut, or could not be read, since it was mapped. If so, what was read from the map may have
    /// been zeros.
    pub fn is_cut(&self) -> bool {
        let Some((index, byte)) = self.end else {
            return false;
        };
        // SAFETY: `index` is inside the map. The read is volatile because the byte may have changed since the last one.
        // `a_cut_is_noticed_wherever_it_is` runs this.
        let now = unsafe { ptr::read_volatile(&raw const self.map[index]) };
        // If the end is missing, the handler has just run on this thread.
        compiler_fence(Ordering::SeqCst);
        now != byte || self.place.is_cut()
    }

    pub fn advise(&self, advice: Advice) -> io::Result<()> {
        self.map.advise(advice)
    }
}

impl Deref for GuardedMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for GuardedMap {
    fn drop(&mut self) {
        // Afterwards, the addresses of the map may belong to others.
        self.place.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(bytes: &[u8]) -> (tempfile::NamedTempFile, GuardedMap) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        // SAFETY: nobody writes to it.
        let map = unsafe { GuardedMap::new(file.as_file()) }.unwrap();
        (file, map)
    }

    #[test]
    fn a_cut_is_noticed_wherever_it_is() {
        let page = page_size();
        for length in [1, 100, page, page + 1, 5 * page, 5 * page + 7] {
            for left in [0, 1, length / 2, length - 1] {
                let (file, map) = mapped(&vec![7; length]);
                let other = mapped(&vec![9; length]);
                assert!(!map.is_cut());
                file.as_file().set_len(left as u64).unwrap();
                assert_eq!(map.is_cut(), left < length, "{left} of {length}");
                let expected = (0..length).map(|i| if i < left { 7 } else { 0 });
                assert!(map.iter().copied().eq(expected), "{left} of {length}");
                assert_eq!(map.is_cut(), left < length, "{left} of {length}");
                assert!(!other.1.is_cut() && other.1.iter().all(|&byte| byte == 9));
            }
        }
    }

    #[test]
    fn a_cut_of_what_is_zero_anyway_matters_only_by_whole_pages() {
        let page = page_size();
        let (file, map) = mapped(&vec![0; 2 * page]);
        file.as_file().set_len(page as u64 + 1).unwrap();
        assert!(!map.is_cut());
        file.as_file().set_len(page as u64).unwrap();
        assert!(map.is_cut());
    }

    #[test]
    fn many_threads_may_read_what_is_cut() {
        let pages = 64;
        let (file, map) = mapped(&vec![7; pages * page_size()]);
        file.as_file().set_len(0).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let map = &map;
                scope.spawn(move || {
                    for i in 0..pages {
                        let page = (i * 37 + thread * 11) % pages;
                        assert_eq!(map[page * page_size()], 0);
                        assert!(map.is_cut());
                    }
                });
            }
        });
    }

    #[test]
    fn an_empty_file_is_whole() {
        let (_file, map) = mapped(b"");
        assert!(map.is_empty() && !map.is_cut());
    }
}
