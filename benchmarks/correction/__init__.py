"""Correctors: what they win back, at which harm, and what they cost."""
