"""Quality of stylized images: Gram style distance, SSIM and LPIPS over image pairs."""
