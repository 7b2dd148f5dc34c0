"""What can be known of a teacher's students before any training: spectra, stability and costs."""
