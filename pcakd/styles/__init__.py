"""Styles: moments of style features, measured once, mixed, saved and loaded."""

from pcakd.styles.style import Style, check_weights, extract_style, load_style, mix_styles

__all__ = ["Style", "check_weights", "extract_style", "load_style", "mix_styles"]
