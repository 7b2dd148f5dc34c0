"""The students that ship with the package, each with a card of its own (JSON)."""
