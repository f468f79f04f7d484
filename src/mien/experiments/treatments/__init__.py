"""The comparison of treatments of unbalanced data."""
