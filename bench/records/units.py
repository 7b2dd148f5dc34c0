"""Factors between the units of records and those of tables: records hold integer nanoseconds."""

NS_PER_S = 1e9
NS_PER_MS = 1e6
