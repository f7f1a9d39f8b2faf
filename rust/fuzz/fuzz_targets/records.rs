//! An input file. The first byte chooses its format and the treatment of invalid text, and the rest is the file.
#![no_main]

#[path = "../../core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod hostile;

use std::sync::LazyLock;

use hostile::Site;
use libfuzzer_sys::fuzz_target;
use quotetune_core::build::ingest::InvalidText;

static SITE: LazyLock<Site> = LazyLock::new(Site::new);

fuzz_target!(|data: &[u8]| {
    if let Some((&choice, bytes)) = data.split_first() {
        let names = ["in.jsonl", "in.jsonl.gz", "in.jsonl.zst", "in.txt"];
        let invalid = [InvalidText::Strict, InvalidText::Replace, InvalidText::Skip];
        let choice = usize::from(choice);
        SITE.read_records(names[choice % 4], bytes, invalid[choice / 4 % 3]);
    }
});
