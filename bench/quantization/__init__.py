"""Students in 8-bit integers: static post-training quantisation by ONNX Runtime."""

from bench.quantization.calibration import load_calibration_pairs as load_calibration_pairs
from bench.quantization.network import VERSION as VERSION
from bench.quantization.network import QuantizedNetwork as QuantizedNetwork
from bench.quantization.network import quantize_student as quantize_student
