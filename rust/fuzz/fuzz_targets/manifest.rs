//! The manifest of an index, built or imported.
#![no_main]

#[path = "../../core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod hostile;

use std::sync::LazyLock;

use hostile::Site;
use libfuzzer_sys::fuzz_target;

static BUILT: LazyLock<Site> = LazyLock::new(Site::new);
static IMPORTED: LazyLock<Site> = LazyLock::new(Site::imported);

fuzz_target!(|data: &[u8]| {
    BUILT.with_manifest(data);
    IMPORTED.with_manifest(data);
});
