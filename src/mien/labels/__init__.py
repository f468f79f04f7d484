"""Labels that may be wrong: what speaks against each of them, and a verdict. Arrays in, arrays out."""

MERGES = ("majority", "crowdlab")
"""How one label is made of what several reviewers said of a picture."""
FORMS = ("label-studio", "fiftyone", "folder")
"""What `mien.labels.export` writes."""
