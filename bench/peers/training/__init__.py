"""Training of the peers' decoders."""
