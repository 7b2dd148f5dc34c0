"""Files that ship with the harness: sample pairs with their credits."""
