//! Prefetching, so that scattered lookups in a large file wait for memory together.

/// Prefetches the cache line of `slice[index]`. Any index is allowed; one that is out of range fetches nothing
/// useful.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = slice.as_ptr().wrapping_add(index).cast();
        // SAFETY: a prefetch reads nothing and is defined for any address; every test of a filter passes here.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}
