//! Times bare libsais on one thread, which no build of a suffix index can beat.
//!
//! `cargo run --release -p quotetune-core --example bare_libsais -- FILE` prints JSON: bytes, and seconds on the clock.

use std::time::Instant;
use std::{env, error, fs};

use libsais::SuffixArrayConstruction;

fn main() -> Result<(), Box<dyn error::Error>> {
    let path = env::args_os().nth(1).ok_or("give a file")?;
    let text = fs::read(path)?;
    let start = Instant::now();
    // Its pages are first touched while it is filled, as those of an index are.
    let mut positions = vec![0i32; text.len()];
    SuffixArrayConstruction::for_text(&text)
        .in_borrowed_buffer(&mut positions)
        .single_threaded()
        .run()
        .map_err(|error| format!("libsais: {error:?}"))?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{{\"bytes\": {}, \"seconds\": {seconds}}}", text.len());
    Ok(())
}
