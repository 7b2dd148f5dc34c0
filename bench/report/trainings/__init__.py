"""Report: variation between trainings, and training losses."""
