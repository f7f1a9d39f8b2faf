//! Decompresses what is compressed.

use std::io::{self, Read};

use bzip2::bufread::MultiBzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::buffered::Buffered;
use super::fault::{Fault, explain_decoder};
use super::gzip::Gzip;
use super::signature::Compression;
use super::zstd::{LARGEST_WINDOW, Zstd};

/// The bytes that a decoder of xz needs in addition to its dictionary.
const XZ_BASE: u64 = 1 << 20;

/// Returns the decompressed bytes. The decoder keeps a window of at most `window_limit` bytes.
pub fn decompressed(
    bytes: Buffered,
    compression: Compression,
    window_limit: u64,
) -> io::Result<Buffered> {
    let decoder: Box<dyn Read + Send + Sync> = match compression {
        Compression::Gzip => Box::new(Gzip::new(bytes)),
        Compression::Zstd => Box::new(Zstd::new(bytes, window_limit)?),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
        Compression::Xz => {
            let limit = window_limit.saturating_add(XZ_BASE);
            let stream = Stream::new_stream_decoder(limit, CONCATENATED)?;
            Box::new(XzDecoder::new_stream(bytes, stream))
        }
    };
    Ok(Buffered::new(Explained {
        decoder,
        compression,
        window_limit,
    }))
}

/// A decoder whose errors name the compression.
struct Explained {
    decoder: Box<dyn Read + Send + Sync>,
    compression: Compression,
    window_limit: u64,
}

impl Read for Explained {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            let inner = error.get_ref();
            let inner = inner.and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
            match inner {
                Some(liblzma::stream::Error::MemLimit) if self.window_limit == LARGEST_WINDOW => {
                    Fault::error(
                        format!("xz data with a dictionary of more than {LARGEST_WINDOW} bytes"),
                        "compress the file again with a smaller dictionary",
                    )
                }
                Some(liblzma::stream::Error::MemLimit) => Fault::error(
                    format!(
                        "xz data that needs more memory than the {} bytes that the memory limit leaves",
                        self.window_limit
                    ),
                    "raise --memory-limit, or compress the file again with a smaller dictionary",
                ),
                _ => explain_decoder(error, self.compression.data()),
            }
        })
    }
}
