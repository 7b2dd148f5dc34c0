"""Conversion factors between units of time."""

NS_PER_S = 1e9
NS_PER_MS = 1e6
