"""Quality of a stylized image: Gram style score, SSIM, LPIPS, and the pairs they run over."""
