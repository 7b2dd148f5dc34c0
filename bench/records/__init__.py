"""The result record, its file, and the exact comparison of counts; imports no torch."""
