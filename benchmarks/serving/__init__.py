"""How fast a server answers, and that nothing is lost: requests, swaps, verdicts, videos."""
