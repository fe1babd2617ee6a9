"""The neutral server: both clouds' answers at next to no cost, so that a benchmark sees its client."""
