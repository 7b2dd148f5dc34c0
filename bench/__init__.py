"""The harness that measures style-transfer students: cost, quality, tables and plots."""
