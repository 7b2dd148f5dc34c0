"""Training of the peers' decoders: regressions, natural gradients, the decoder phase."""
