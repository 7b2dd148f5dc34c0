"""Cost of a subject: parameters, multiply-adds, bytes, latency by section, peak memory."""
