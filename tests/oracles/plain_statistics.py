"""The mean and covariance of a feature map, by the definition."""

from pcakd.linalg import Statistics


def measure_statistics_reference(features):
    """Compute what ``measure_statistics`` computes, by the definition, in float64."""
    pixels = features.double().flatten(1)
    mean = pixels.mean(dim=1)
    centred = pixels - mean[:, None]
    return Statistics(mean=mean, covariance=centred @ centred.T / pixels.shape[1])
