"""The base classifiers: recipes, architectures, precision."""
