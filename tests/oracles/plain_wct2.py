"""WCT² (cat5) on whole maps: every step as the paper has it, one after the other, in torch alone.

What the released implementation does too: grouped convolutions for the wavelets, channels first,
whitening and colouring of flattened features by singular value decompositions. Only the weights
come from `bench.peers.wct2`; covariances divide by N and both have the identity added, as
there.
"""

import torch
import torch.nn.functional as F

_LOW, _HIGH = (torch.tensor([s, 1.0], dtype=torch.float64) / 2**0.5 for s in (1.0, -1.0))
_KERNELS = [torch.outer(a, b) for a in (_LOW, _HIGH) for b in (_LOW, _HIGH)]  # LL, LH, HL, HH


@torch.inference_mode()
def stylize(network, content, style):
    """Stylize ``(3, h, w)`` by ``(3, h2, w2)``, sides multiples of 8, with a `WCT2` of cat5."""
    targets = _measure(network, style[None])
    features = _transform(_convolve(network.encoder.layers(1), content[None]), targets["tap", 1])
    skips = {}
    for block in (2, 3, 4):
        before = _convolve(network.encoder.layers(2 * block - 2), features)
        low, *details = _pool(before)
        features = _convolve(network.encoder.layers(2 * block - 1), low)
        features = _transform(features, targets["tap", block])
        parts = [
            _transform(band, target)
            for band, target in zip(details, targets["details", block], strict=True)
        ]
        skips[block] = before, parts
    for block in (4, 3, 2):
        if block < 4:
            features = _transform(features, targets["decoder", block])
        features = _decode(network, block, features, *skips[block])
    features = _transform(features, targets["decoder", 1])
    return _convolve(network.decoder.layers(1), features)[0].clamp(0.0, 1.0)


def _measure(network, image):
    """Encode and decode the style; keep mean and colouring matrix of all that is matched."""
    targets, skips = {}, {}
    features = _convolve(network.encoder.layers(1), image)
    targets["tap", 1] = _describe(features)
    for block in (2, 3, 4):
        before = _convolve(network.encoder.layers(2 * block - 2), features)
        low, *details = _pool(before)
        features = _convolve(network.encoder.layers(2 * block - 1), low)
        targets["tap", block] = _describe(features)
        targets["details", block] = [_describe(band) for band in details]
        skips[block] = before, details
    for block in (4, 3, 2):
        features = _decode(network, block, features, *skips[block])
        targets["decoder", block - 1] = _describe(features)
    return targets


def _decode(network, block, features, before, details):
    first, *rest = network.decoder.layers(block)
    low = _convolve([first], features)
    enlarged = [
        F.conv_transpose2d(band, _expand(kernel, band), stride=2, groups=band.shape[1])
        for band, kernel in zip((low, *details), _KERNELS, strict=True)
    ]
    return _convolve(rest, torch.cat([*enlarged, before], dim=1))


def _pool(features):
    groups = features.shape[1]
    return [F.conv2d(features, _expand(k, features), stride=2, groups=groups) for k in _KERNELS]


def _expand(kernel, features):
    return kernel.to(features.dtype).expand(features.shape[1], 1, 2, 2).contiguous()


def _convolve(layers, features):
    for layer in layers:
        side = layer.conv.kernel_size[0] // 2
        padded = F.pad(features, (side,) * 4, mode="reflect") if side else features
        features = F.conv2d(padded, layer.conv.weight, layer.conv.bias)
        features = F.relu(features) if layer.relu else features
    return features


def _transform(features, target):
    """Whiten, colour and add the mean of the style."""
    goal, colouring = target
    flat = features[0].flatten(1)
    mean, u, s = _decompose(flat)
    whitened = u @ torch.diag(s**-0.5) @ u.T @ (flat - mean)
    return (colouring @ whitened + goal).view_as(features)


def _describe(features):
    mean, u, s = _decompose(features[0].flatten(1))
    return mean, u @ torch.diag(s**0.5) @ u.T


def _decompose(flat):
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    covariance = centred @ centred.T / flat.shape[1] + torch.eye(len(flat), dtype=flat.dtype)
    u, s, _ = torch.linalg.svd(covariance)
    return mean, u, s
