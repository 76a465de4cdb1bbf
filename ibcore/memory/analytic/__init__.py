"""Exact models of initialization memory: what training conserves, and what erases it."""
