//! What happens when a file that is mapped into memory is cut.
//!
//! Reading a mapped page that the file no longer has, or that the disk fails to deliver, raises the signal SIGBUS, which
//! ends the process. The handler here puts zeros where the rest of the file was and notes that, so the reader goes on and
//! can tell afterwards that what it read is worth nothing. A SIGBUS at any other address is passed on to whoever handled
//! it before.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use libc::{c_int, c_void, sigaction, siginfo_t};

/// The addresses of a map. The handler goes through all places, so they are in a list that only grows, and are reused.
pub(super) struct Place {
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
    /// Guards the addresses of a map until `give_back`.
    pub(super) fn take(start: usize, length: usize) -> &'static Self {
        install();
        let place = all_places()
            .find(|place| !place.is_taken.swap(true, Ordering::SeqCst))
            .unwrap_or_else(Self::add);
        place.cut.store(false, Ordering::SeqCst);
        place.start.store(start, Ordering::SeqCst);
        place.end.store(start + length, Ordering::SeqCst);
        place
    }

    /// Whether the handler put zeros there.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Stops guarding. To be called before the map goes.
    pub(super) fn give_back(&self) {
        self.end.store(0, Ordering::SeqCst);
        self.is_taken.store(false, Ordering::SeqCst);
    }

    /// Takes no lock, because a lock that another thread holds during a fork is never freed in the child.
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
    // SAFETY: a pointer in the list is null, or it leads to a place that is never freed. Every test here runs this.
    let follow = |place: *const Place| unsafe { place.as_ref() };
    std::iter::successors(follow(PLACES.load(Ordering::SeqCst)), move |place| {
        follow(place.next)
    })
}

pub(super) fn page_size() -> usize {
    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: this reads a constant of the system. Every test here runs this.
            let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
            PAGE_SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

/// What the process did on SIGBUS before.
static BEFORE: OnceLock<sigaction> = OnceLock::new();

/// Makes `on_bus_error` the handler, once per process.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // The handler needs it.
        page_size();
        // SAFETY: all zeros are a valid `sigaction`, and both calls get pointers to one. The handler calls only functions
        // that may be called in a handler. Every test here runs this.
        unsafe {
            let mut before: sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) != 0 {
                return;
            }
            // The handler reads it, so it comes first.
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
    // SAFETY: the pointer comes from the system, and a fault has an address. Every test of a cut runs this.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // A signal that was sent by a process has no address.
    let is_fault = code == libc::BUS_ADRERR;
    if !(is_fault && put_zeros(address)) {
        hand_on(signal, info, context, is_fault);
    }
}

/// Puts zeros from the page of `address` to the end of its map. Returns false if it is in no map of ours.
fn put_zeros(address: usize) -> bool {
    let inside = |place: &&Place| {
        (place.start.load(Ordering::SeqCst)..place.end.load(Ordering::SeqCst)).contains(&address)
    };
    let Some(place) = all_places().find(inside) else {
        return false;
    };
    // This comes before the zeros, so that whoever reads them can see it.
    place.cut.store(true, Ordering::SeqCst);
    let page = address & !(page_size() - 1);
    let length = place.end.load(Ordering::SeqCst) - page;
    // The zeros go to the end of the map, because each further page would cost a signal and one of the limited number of
    // mappings.
    //
    // SAFETY: these addresses belong to a map that stays while this thread reads it. They remain mapped and readable, and
    // `munmap` of the whole map includes them. `mmap` is a plain system call, so it may be called in a handler. It only
    // sets `errno` if it fails, and then the process ends. `a_cut_is_noticed_wherever_it_is` runs this.
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

/// Does what the process did on SIGBUS before.
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void, is_fault: bool) {
    let before = BEFORE
        .get()
        .map_or((libc::SIG_DFL, 0), |it| (it.sa_sigaction, it.sa_flags));
    match before {
        (libc::SIG_IGN, _) if !is_fault => {}
        (libc::SIG_DFL | libc::SIG_IGN, _) => {
            // SAFETY: both may be called in a handler. The signal is delivered when this handler ends, and ends the
            // process. `a_bus_error_that_is_sent_still_ends_the_process` runs this.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
        (handler, flags) if flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: a handler that was installed with this flag is a function of this type. The runtime of Rust has one, so
            // `a_bus_error_of_others_still_ends_the_process` runs this.
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        (handler, _) => {
            // SAFETY: a handler that was installed without this flag is a function of this type.
            // `a_bus_error_of_others_reaches_the_handler_before` runs this.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    use memmap2::Mmap;

    use super::*;

    /// Set for a child process that is to die.
    const CHILD: &str = "QUOTETUNE_DYING_CHILD";

    fn is_child() -> bool {
        std::env::var_os(CHILD).is_some()
    }

    /// Runs a test of this file in a process of its own.
    fn in_child(test: &str) -> ExitStatus {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("memory::bus_error::tests::{test}")])
            .env(CHILD, "")
            .output()
            .unwrap()
            .status
    }

    /// Reads a file that is not guarded and has been cut.
    fn read_what_is_missing() {
        let file: File = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        // SAFETY: that it is cut is the point of it.
        let map = unsafe { Mmap::map(&file) }.unwrap();
        Place::take(map.as_ptr() as usize, map.len()).give_back();
        file.set_len(0).unwrap();
        std::hint::black_box(map[0]);
    }

    #[test]
    fn a_bus_error_of_others_still_ends_the_process() {
        if is_child() {
            read_what_is_missing();
            unreachable!("the process has ended");
        }
        let ended = in_child("a_bus_error_of_others_still_ends_the_process");
        assert_eq!(ended.signal(), Some(libc::SIGBUS));
    }

    #[test]
    fn a_bus_error_that_is_sent_still_ends_the_process() {
        if is_child() {
            // SAFETY: both calls only concern a signal that nobody else waits for.
            unsafe {
                // The runtime of Rust has a handler for its own faults.
                libc::signal(libc::SIGBUS, libc::SIG_DFL);
                install();
                libc::raise(libc::SIGBUS);
            }
            unreachable!("the process has ended");
        }
        let ended = in_child("a_bus_error_that_is_sent_still_ends_the_process");
        assert_eq!(ended.signal(), Some(libc::SIGBUS));
    }

    #[test]
    fn a_bus_error_of_others_reaches_the_handler_before() {
        extern "C" fn theirs(_: c_int) {
            // SAFETY: it may be called in a handler.
            unsafe { libc::_exit(42) }
        }
        if is_child() {
            let handler: extern "C" fn(c_int) = theirs;
            // SAFETY: a function of the right type, and nobody else waits for the signal.
            unsafe { libc::signal(libc::SIGBUS, handler as usize) };
            read_what_is_missing();
            unreachable!("the process has ended");
        }
        let ended = in_child("a_bus_error_of_others_reaches_the_handler_before");
        assert_eq!(ended.code(), Some(42));
    }

    #[test]
    fn a_place_is_reused_and_forgets_the_cut() {
        let numbers = [1_u8; 8];
        let places = || all_places().count();
        let take = || Place::take(numbers.as_ptr() as usize, numbers.len());
        take().give_back();
        let before = places();
        for _ in 0..1000 {
            let place = take();
            assert!(!place.is_cut());
            place.cut.store(true, Ordering::SeqCst);
            place.give_back();
        }
        // Other tests may take a few places at the same time.
        assert!(places() < before + 100);
    }
}
