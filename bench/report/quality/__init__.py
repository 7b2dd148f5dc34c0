"""Report: metric values by image pair, differences between subjects, examples."""
