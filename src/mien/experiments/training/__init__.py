"""Training of one base classifier in a cell of an experiment."""
