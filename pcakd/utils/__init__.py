"""Helpers without networks: files, devices, registries, signals, out-of-memory detection."""
