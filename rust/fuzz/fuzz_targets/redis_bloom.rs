//! A RedisBloom dump: the JSON header, a zero byte, and the only part.
#![no_main]

#[path = "../../core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod hostile;

use std::sync::LazyLock;

use hostile::Site;
use libfuzzer_sys::fuzz_target;

static SITE: LazyLock<Site> = LazyLock::new(Site::imported);

fuzz_target!(|data: &[u8]| {
    if let Some(end) = data.iter().position(|&byte| byte == 0) {
        SITE.with_dump(&data[..end], &data[end + 1..]);
    }
});
