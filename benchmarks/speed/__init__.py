"""Speed, memory, start, and that the numbers are the same whatever the engine."""
