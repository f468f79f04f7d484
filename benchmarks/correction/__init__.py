"""Correctors: what they recover, at which harm, and what they cost."""
