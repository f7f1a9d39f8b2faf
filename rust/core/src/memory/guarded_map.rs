//! Files that are mapped into memory, and what happens when one of them is cut meanwhile.
//!
//! Whoever reads a mapped page that its file no longer reaches, or that its disk does not give, gets the signal SIGBUS,
//! which ends the process. The handler here puts zeros where the rest of the file was and notes that at the map, so that
//! the reader goes on and can tell afterwards that what it read is worth nothing. Within the last page of a file that is
//! cut, the system puts zeros by itself and sends no signal. A byte near the end tells that.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, compiler_fence};
use std::sync::{Once, OnceLock};

use libc::{c_int, c_void, sigaction, siginfo_t};
use memmap2::{Advice, Mmap};

/// A file, mapped for reading.
pub struct GuardedMap {
    map: Mmap,
    place: &'static Place,
    /// The last byte of the last page that is not zero, and where it is; none for an empty file.
    end: Option<(usize, u8)>,
}

impl GuardedMap {
    /// Maps a whole file.
    ///
    /// # Safety
    /// Nobody writes to the file. To cut it is harmless: see `is_cut`.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the caller sees to it that the bytes do not change, but for those that become zeros when the file is
        // cut. They can be read at any time, since the handler is there before the first of them is.
        let map = unsafe { Mmap::map(file) }?;
        install();
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

    /// Whether the file was cut, or could not be read, since it was mapped. Some of the bytes read from the map until
    /// now may then have been zeros.
    pub fn is_cut(&self) -> bool {
        let Some((index, byte)) = self.end else {
            return false;
        };
        // SAFETY: `index` is inside the map. The byte may change at any time, which is why it is read as a volatile one.
        // `a_cut_is_noticed_wherever_it_is` reads it after it changed.
        let now = unsafe { ptr::read_volatile(&raw const self.map[index]) };
        // If the end is missing, the handler ran on this thread just now.
        compiler_fence(Ordering::SeqCst);
        now != byte || self.place.cut.load(Ordering::SeqCst)
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
        // Before the map goes: afterwards its addresses may belong to others.
        self.place.give_back();
    }
}

/// Where a map is. The handler goes through all places, so they are in a list that only grows, and are used again.
struct Place {
    is_taken: AtomicBool,
    start: AtomicUsize,
    /// One past the last address; 0 while there is no map.
    end: AtomicUsize,
    cut: AtomicBool,
    /// Written before the place is in the list.
    next: *const Place,
}

// SAFETY: everything but `next` is atomic, and `next` is not written again once others can see it.
unsafe impl Sync for Place {}

static PLACES: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

impl Place {
    fn take(start: usize, length: usize) -> &'static Self {
        let place = all_places()
            .find(|place| !place.is_taken.swap(true, Ordering::SeqCst))
            .unwrap_or_else(Self::add);
        place.cut.store(false, Ordering::SeqCst);
        place.start.store(start, Ordering::SeqCst);
        place.end.store(start + length, Ordering::SeqCst);
        place
    }

    fn give_back(&self) {
        self.end.store(0, Ordering::SeqCst);
        self.is_taken.store(false, Ordering::SeqCst);
    }

    /// Without a lock: one that another thread holds during a fork would never be free in the child.
    fn add() -> &'static Self {
        let place = Box::leak(Box::new(Self {
            is_taken: AtomicBool::new(true),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            cut: AtomicBool::new(false),
            next: PLACES.load(Ordering::SeqCst),
        }));
        while let Err(first) = PLACES.compare_exchange(
            place.next.cast_mut(),
            place,
            Ordering::SeqCst,
            Ordering::SeqCst,
        ) {
            place.next = first;
        }
        place
    }
}

fn all_places() -> impl Iterator<Item = &'static Place> {
    // SAFETY: a pointer in the list is null, or to a place that is never freed. Every test of this file goes through it.
    let follow = |place: *const Place| unsafe { place.as_ref() };
    std::iter::successors(follow(PLACES.load(Ordering::SeqCst)), move |place| {
        follow(place.next)
    })
}

fn page_size() -> usize {
    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: it reads a number. Every test of this file calls it.
            let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
            PAGE_SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// What was done on SIGBUS before.
static BEFORE: OnceLock<sigaction> = OnceLock::new();

/// Makes `on_bus_error` the handler, once a process.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // The handler asks for it.
        page_size();
        // SAFETY: all zeros are a valid `sigaction`, and both calls get pointers to one. The handler calls only what may
        // be called in one. `a_cut_is_noticed_wherever_it_is` runs it.
        unsafe {
            let mut before: sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) != 0 {
                return;
            }
            // Before the handler can be called, which reads it.
            let _ = BEFORE.set(before);
            let mut ours: sigaction = std::mem::zeroed();
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_bus_error;
            ours.sa_sigaction = handler as usize;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGBUS, &raw const ours, ptr::null_mut());
        }
    });
}

extern "C" fn on_bus_error(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives a pointer to what it says of the signal, in which a fault has an address.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // A signal that somebody sent has no address.
    let is_fault = code == libc::BUS_ADRERR;
    if !(is_fault && put_zeros(address)) {
        hand_on(signal, info, context, is_fault);
    }
}

/// Puts zeros from the page of `address` to the end of the map that it is in; false if it is in none.
fn put_zeros(address: usize) -> bool {
    let inside = |place: &&Place| {
        (place.start.load(Ordering::SeqCst)..place.end.load(Ordering::SeqCst)).contains(&address)
    };
    let Some(place) = all_places().find(inside) else {
        return false;
    };
    // First of all: whoever reads the zeros must be able to see it.
    place.cut.store(true, Ordering::SeqCst);
    let page = address & !(page_size() - 1);
    let length = place.end.load(Ordering::SeqCst) - page;
    // To the end, not for one page: each further page would cost a signal, and the system allows only so many stretches.
    //
    // SAFETY: these addresses belong to a map that cannot go meanwhile, since this thread is reading it. They stay mapped
    // and readable, and `munmap` of the whole takes them along. `mmap` is a mere call of the system.
    // `a_cut_is_noticed_wherever_it_is` runs this.
    let zeros = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(page),
            length,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    zeros != libc::MAP_FAILED
}

/// Does what was done on SIGBUS before.
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void, is_fault: bool) {
    let before = BEFORE
        .get()
        .map_or((libc::SIG_DFL, 0), |it| (it.sa_sigaction, it.sa_flags));
    match before {
        (libc::SIG_IGN, _) if !is_fault => {}
        (libc::SIG_DFL | libc::SIG_IGN, _) => {
            // SAFETY: both may be called in a handler. The signal waits until this one ends, and then ends the process.
            // `a_bus_error_of_others_still_ends_the_process` runs this.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
        (handler, flags) if flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: a handler that was installed with this flag is a function of this type.
            // `a_bus_error_of_others_reaches_the_handler_before` runs this.
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        (handler, _) => {
            // SAFETY: a handler that was installed without it is a function of this type.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
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
                assert!(map.is_cut());
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
    fn a_place_is_used_again_and_forgets_the_cut() {
        let places = || all_places().count();
        let mut most = 0;
        for round in 0..50 {
            let (file, map) = mapped(b"bytes");
            file.as_file().set_len(0).unwrap();
            assert!(map.is_cut());
            drop(map);
            let (_file, map) = mapped(b"bytes");
            assert!(!map.is_cut());
            // Other tests may run at the same time, and have a few.
            most = if round == 0 { places() + 20 } else { most };
        }
        assert!(places() <= most);
    }

    #[test]
    fn an_empty_file_is_whole() {
        let (_file, map) = mapped(b"");
        assert!(map.is_empty() && !map.is_cut());
    }
}
