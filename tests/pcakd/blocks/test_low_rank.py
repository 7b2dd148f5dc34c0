"""Which convolutions have factors of low rank."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pcakd.blocks import Conv, MaxPool, factorise_blocks, factorise_conv


def num_weights(convs):
    return sum(
        c.in_channels * c.out_channels * c.kernel_size**2 // c.groups + c.out_channels
        for c in convs
    )


@given(
    st.integers(1, 80),
    st.integers(1, 80),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 2]),
    st.floats(0.05, 1.0),
    st.booleans(),
)
def test_factors_fit_together_and_are_fewer_weights(before, after, kernel, stride, share, relu):
    conv = Conv(
        in_channels=before, out_channels=after, kernel_size=kernel, stride=stride, relu=relu
    )
    parts = factorise_conv(conv, share)
    assert parts[0].in_channels == before
    assert parts[-1].out_channels == after
    assert parts[-1].relu == relu
    for one, other in pairwise(parts):
        assert one.out_channels == other.in_channels
        assert not one.relu
        assert one.signed
    strides = [part.stride for part in parts]
    assert sorted(strides)[-1] == stride
    assert sum(each > 1 for each in strides) == (stride > 1)
    if len(parts) > 1:
        assert num_weights(parts) < num_weights([conv])
        assert min(before, after) > 3


def test_colours_and_depthwise_convolutions_stay():
    depthwise = Conv(in_channels=40, out_channels=40, depthwise=True)
    colours = Conv(in_channels=3, out_channels=64)
    plain = Conv(in_channels=40, out_channels=40)
    (block,) = factorise_blocks(((colours, MaxPool(), depthwise, plain),), 0.5)
    assert block[:3] == (colours, MaxPool(), depthwise)
    assert [each.kernel_size for each in block[3:]] == [1, 3, 1]
    assert factorise_blocks(((plain,),), 1.0) == ((plain,),)
