"""Global eigenbases: the principal subspaces of a teacher's features, one for each tap.

Source: Chiu and Gurari, CVPR 2022, section 3.2.
"""

from pcakd.eigenbases.basis import Eigenbasis, Spectrum, fit_eigenbasis, fit_spectrum, smallest_rank
from pcakd.eigenbases.covariance import CovarianceStream, measure_covariances
from pcakd.eigenbases.fitting import fit_eigenbases
from pcakd.eigenbases.rank_rule import DEFAULT_MCEV, RankRule, default_rank_rule
from pcakd.eigenbases.storage import (
    SpectraFile,
    load_eigenbases,
    load_spectra,
    save_eigenbases,
    save_spectra,
)

__all__ = [
    "DEFAULT_MCEV",
    "CovarianceStream",
    "Eigenbasis",
    "RankRule",
    "SpectraFile",
    "Spectrum",
    "default_rank_rule",
    "fit_eigenbases",
    "fit_eigenbasis",
    "fit_spectrum",
    "load_eigenbases",
    "load_spectra",
    "measure_covariances",
    "save_eigenbases",
    "save_spectra",
    "smallest_rank",
]
