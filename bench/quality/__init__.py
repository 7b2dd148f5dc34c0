"""Quality of stylized images: metrics of style and content over image pairs."""
