"""Training photographs and the crops drawn from them."""
