"""A laboratory of experiments that take no time."""
