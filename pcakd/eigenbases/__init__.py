"""Global eigenbases: the principal subspaces of a teacher's features, one for each tap.

Source: Chiu and Gurari, CVPR 2022, section 3.2.
"""

from pcakd.eigenbases.basis import (
    DEFAULT_MCEV,
    Eigenbasis,
    RankRule,
    default_rank_rule,
    fit_eigenbasis,
)
from pcakd.eigenbases.covariance import CovarianceStream, measure_covariances
from pcakd.eigenbases.fitting import fit_eigenbases
from pcakd.eigenbases.storage import load_eigenbases, save_eigenbases

__all__ = [
    "DEFAULT_MCEV",
    "CovarianceStream",
    "Eigenbasis",
    "RankRule",
    "default_rank_rule",
    "fit_eigenbases",
    "fit_eigenbasis",
    "load_eigenbases",
    "measure_covariances",
    "save_eigenbases",
]
