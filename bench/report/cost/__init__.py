"""Report: largest images, speed ratios, predictions, repeatability, scaling with resolution."""
