"""Face-expression classifiers that can be corrected after training."""
