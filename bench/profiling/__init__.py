"""What a subject costs: parameters, multiply-adds, latency and peak memory."""
