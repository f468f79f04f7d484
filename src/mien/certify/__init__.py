"""Thresholds with a certificate: how many right answers a corrector may lose, and with which confidence."""
