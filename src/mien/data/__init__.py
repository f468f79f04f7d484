"""Reading, decoding, checking and splitting of data sets, and synthetic faces."""
