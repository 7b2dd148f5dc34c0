"""Tables, plots and pages made from records; imports no torch."""
