"""The fuzzers, by name."""
