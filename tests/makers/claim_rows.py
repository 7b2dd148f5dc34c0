"""The rows of one claim."""

from bench.claims.check import check_claims


def find(records, claim):
    return [row for row in check_claims(records) if row.claim == claim]


def only(records, claim):
    (row,) = find(records, claim)
    return row
