"""How a model may be run, by name. The first of each is the default, but of CUDA_LEVELS."""

DEVICES = ("auto", "cpu", "cuda")
DECODERS = ("avae", "taef1")
# What the large products are computed in; auto: the fastest that the device has units for.
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# Each adds to those before it: decode on a side stream, replay the step as a CUDA graph, compile the blocks.
CUDA_LEVELS = ("plain", "overlap", "graph", "compile")
CUDA_CHOICES = ("auto", *CUDA_LEVELS)  # auto: see `ctflow.runtime.engine.level_for`
