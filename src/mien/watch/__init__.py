"""Whether the promise of a certificate is kept after deployment, from verdicts on overrides alone."""
