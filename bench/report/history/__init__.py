"""A figure over the commits of several run folders."""
