"""Report: latency, memory, speed ratios, predictions and the largest images."""
