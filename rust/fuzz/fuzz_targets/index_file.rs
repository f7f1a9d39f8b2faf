//! A binary file of an index that was built, built with a fuse filter, or imported. The first byte chooses the file,
//! and the rest replaces its contents.
#![no_main]

#[path = "../../core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod hostile;

use std::sync::LazyLock;

use hostile::Site;
use libfuzzer_sys::fuzz_target;

static BUILT: LazyLock<Site> = LazyLock::new(Site::new);
static FUSED: LazyLock<Site> = LazyLock::new(Site::fused);
static IMPORTED: LazyLock<Site> = LazyLock::new(Site::imported);

fuzz_target!(|data: &[u8]| {
    if let Some((&which, bytes)) = data.split_first() {
        if which == u8::MAX {
            IMPORTED.with_file(0, bytes);
        } else if which == u8::MAX - 1 {
            FUSED.with_file(0, bytes);
        } else {
            BUILT.with_file(which.into(), bytes);
        }
    }
});
