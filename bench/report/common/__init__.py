"""Report: what all sections share: records gathered into rows, tables, figures, number formats."""
