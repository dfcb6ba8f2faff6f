"""Tributary's shared library: one metrics model, its chunks, and the table that keeps them."""
