"""Facts that follow from counts."""

from bench.claims.facts import derive_facts


def test_facts_follow_from_counts(make_cost):
    pixels = 1280 * 720
    records = [
        make_cost("vgg19-full", macs_content=482_778 * pixels),
        make_cost("vgg16", resolution="FHD", width=1920, height=1080),  # no multiple of 16
        make_cost("vgg16", macs_content=16_931 * pixels, num_params=252_890),
        make_cost("photowct2", num_params=7_010_959),
        make_cost("wct2-cat5", num_params=10_121_871),
    ]
    facts = {fact.fact: fact for fact in derive_facts(records)}
    full = facts["MACs per content pixel, full-width VGG-19 / the paper's VGG student"]
    assert (full.figure, full.source) == (
        "25.6×", "482,778 (record of `vgg19-full`) / 18,832 (counted)",
    )  # fmt: skip
    thin = facts["MACs per content pixel, the paper's VGG student / its MobileNet student"]
    assert (thin.figure, thin.source) == ("7.6×", "18,832 (counted) / 2,465 (counted)")
    assert facts["MACs per content pixel, `vgg19-full` / `vgg16`"].figure == "28.5×"
    missing = facts["MACs per content pixel, `vgg16` / `mobilenet_v1`"]
    assert (missing.figure, missing.value) == ("—", None)
    assert (
        "no record: run `python -m bench run --only cost --subjects mobilenet_v1" in missing.source
    )
    shipped = facts["Parameters of the shipped student `vgg16`"]
    assert (shipped.figure, shipped.source) == (
        "252,890", "deployed, from its record; 252,910 with 20 eigenbasis parameters",
    )  # fmt: skip
    assert facts["73K as a share of the parameters of PhotoWCT²"].figure == "1.04 %"
    assert "73K as a share of the parameters of WCT²" not in facts
    assert (
        facts[
            "VGG student: parameters with eigenbases, which 73K includes and 283K does not"
        ].figure
        == "334,052"
    )
