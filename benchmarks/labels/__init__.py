"""Wrong labels: how well they are found and repaired."""
