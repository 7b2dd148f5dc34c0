"""Files, registries, error detection and other helpers that know nothing of networks."""
