"""The rules of all measurements, as the page states them."""

CONTRACT = """\
- **Latency** is the time from two float images on the device to the clipped output image. It
  includes the encoding of the style image, which is as large as the content image. Every sample is
  one whole call; on an accelerator, a synchronisation inside the timed region ends it. TF32 is off.
  If a benchmark profile sets `sample_seconds`, sampling stops after at least two calls once the
  calls took that long.
- Each case runs in a separate process, with a limit of time and of memory. (An interleaved
  measurement runs two subjects in one process.) Exceeding a limit is a result: `timeout`, `oom`.
- A case is **predicted** from measured cases instead of run if it would exceed a limit or if the
  benchmark profile leaves it out. Predictions are marked with ≈, and hollow in plots. Latency is
  predicted from multiply-adds (from pixels if none are counted), and peak memory from pixels: with
  a line through several measured sizes, or in proportion to one (*linear from*). A prediction from
  one size cannot detect that time does not grow in proportion to multiply-adds.
- **Intervals** are 95 % intervals. Those of a latency and of a speed ratio are over the processes
  that timed them: a t interval on the logarithms of their medians for 3 to 5 processes, two of the
  sorted medians from 6 up. Those of metrics and
  their differences are over image pairs, from 6 up: a t interval of the mean, corrected for
  skewness (Hall 1992). That of a time breakdown is over the calls of its one process, from 6 up:
  two of the sorted samples. In simulations with skewed and heavy-tailed samples each covers the
  true value in at least 93 % of cases. Intervals of a mean metric value show the variation between
  image pairs. No interval includes differences between machines or between runs.
- A **MAC** is one multiply-add; FLOPs = 2 × MACs. *MACs per content pixel* counts the convolutions
  on the content path, divided by the pixels of the content image. *MACs* counts every operator that
  has a formula, for both images.
- *Parameters* are those needed for inference; *Eigenbasis parameters* are needed for distillation
  only.
- Each repeat of a cost case is a process of its own. If a case and repeat was recorded twice, the
  last record counts.
"""
