"""The service: an HTTP server in front of indexes, for programs and other people's clients."""
