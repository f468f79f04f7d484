"""Data sets: reading, decoding, checking, splitting, drawing."""
