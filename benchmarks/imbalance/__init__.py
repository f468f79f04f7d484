"""Unbalanced classes: which treatment helps."""
