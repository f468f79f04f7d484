"""What all pages share: layout, figures, and access to the tables of a run."""
