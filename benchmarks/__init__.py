"""Benchmarks: ratios of CPU time between ibcore and other ways to compute the same."""
