//! An input file: the first byte says whether it holds records and what to do with bad ones, the rest is the file.
#![no_main]

#[path = "../../core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod hostile;

use std::sync::LazyLock;

use hostile::Site;
use libfuzzer_sys::fuzz_target;
use quotetune_core::build::left_out::BadRecords;

static SITE: LazyLock<Site> = LazyLock::new(Site::new);

fuzz_target!(|data: &[u8]| {
    if let Some((&choice, bytes)) = data.split_first() {
        let bad = [BadRecords::Strict, BadRecords::Replace, BadRecords::Skip];
        let choice = usize::from(choice);
        SITE.read_records(["in.jsonl", "in.txt"][choice % 2], bytes, bad[choice / 2 % 3]);
    }
});
