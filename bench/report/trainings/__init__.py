"""Report: loss histories, and the variation between trainings."""
