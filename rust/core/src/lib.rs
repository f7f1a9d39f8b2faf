//! N-gram Bloom filter and suffix index of a trusted corpus.
