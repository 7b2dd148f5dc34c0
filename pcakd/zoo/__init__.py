"""The students that ship with the package, each with its card (JSON)."""
