"""How tests start a training in two processes."""

from pathlib import Path

LAUNCH = [
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_processes=2",
    "--num_machines=1",
    "--mixed_precision=no",
    "--dynamo_backend=no",
    "--main_process_port=0",
    "-m",
]
ROOT, PATIENCE_S = Path(__file__).parents[2], 120
