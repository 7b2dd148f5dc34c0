"""The result record, its store, and exact comparison of counts; imports no torch."""
