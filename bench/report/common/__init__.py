"""Report: records gathered into rows, number formats, Markdown, LaTeX and CSV."""
