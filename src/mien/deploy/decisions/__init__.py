"""The log of decisions: its rows, the files that it is written to, and one that is not finished."""
