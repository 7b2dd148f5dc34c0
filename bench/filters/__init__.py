"""Image filters that can end a subject, guided by the content."""
