"""MS-SSIM, GMSD and HaarPSI as their papers write them, in NumPy, for images of even sides."""

import numpy as np
from scipy.ndimage import correlate1d
from scipy.signal import convolve2d

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def ms_ssim(one, other):
    """Return the mean over channels of arrays of shape (3, h, w) in [0, 1]."""
    return float(np.mean([_ms_ssim(x, y) for x, y in zip(one, other, strict=True)]))


def _ms_ssim(x, y):
    value = 1.0
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        mx, my = _blur(x), _blur(y)
        vx, vy, vxy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
        structure = (2 * vxy + 9e-4) / (vx + vy + 9e-4)
        if scale == len(WEIGHTS) - 1:
            structure = structure * (2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4)
        value *= max(structure.mean(), 0) ** weight
    return value


def _blur(values):
    """Smooth by a Gaussian window of 11 px, without what the border touches."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()
    for axis in (0, 1):
        values = correlate1d(values, window, axis=axis)
    return values[5:-5, 5:-5]


def _halve(values):
    height, width = values.shape
    return values.reshape(height // 2, 2, width // 2, 2).mean((1, 3))


def gmsd(one, other):
    """Return the deviation of arrays of shape (3, h, w) in [0, 1]."""
    prewitt = np.outer([1, 1, 1], [1, 0, -1]) / 3
    magnitudes = []
    for image in (one, other):
        luma = _halve(np.tensordot(YIQ[0], image, 1))
        gradients = [convolve2d(luma, each, mode="same") for each in (prewitt, prewitt.T)]
        magnitudes.append(np.hypot(*gradients))
    a, b = magnitudes
    constant = 170 / 255**2
    return float(((2 * a * b + constant) / (a * a + b * b + constant)).std())


def haarpsi(one, other):
    """Return the similarity of arrays of shape (3, h, w) in [0, 1]."""
    details, colours = [], []
    for image in (one, other):
        yiq = np.tensordot(YIQ, 255 * image, 1)
        luma, *chroma = (_halve(channel) for channel in yiq)
        details.append([[_haar(luma, scale, way) for scale in (1, 2, 3)] for way in (0, 1)])
        colours.append([np.abs(_convolve(c, np.ones((2, 2)) / 4)) for c in chroma])
    similarities, weights = [], []
    for a, b in zip(*details, strict=True):
        similarities.append((_similar(a[0], b[0]) + _similar(a[1], b[1])) / 2)
        weights.append(np.maximum(a[2], b[2]))
    (i, q), (j, p) = colours
    similarities.append((_similar(i, j) + _similar(q, p)) / 2)
    weights.append((weights[0] + weights[1]) / 2)
    squashed = 1 / (1 + np.exp(-4.2 * np.array(similarities)))
    mean = (squashed * weights).sum() / np.sum(weights)
    return float((np.log(mean / (1 - mean)) / 4.2) ** 2)


def _haar(values, scale, way):
    """Return the magnitudes of a Haar wavelet, horizontal or vertical."""
    size = 2**scale
    kernel = np.full((size, size), 2.0**-scale)
    kernel[size // 2 :] *= -1
    return np.abs(_convolve(values, kernel if way == 0 else kernel.T))


def _convolve(values, kernel):
    """Convolve as MATLAB's conv2 does: an even kernel reaches farther down and to the right."""
    return convolve2d(values[::-1, ::-1], kernel[::-1, ::-1], mode="same")[::-1, ::-1]


def _similar(a, b):
    return (2 * a * b + 30) / (a * a + b * b + 30)
