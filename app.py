"""Starts the app: python app.py [--host H] [--port N] [--model DIR_OR_NAME] [--device auto|cpu|cuda]"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from app.ui import build, launch_options
from ctflow.card import find_checkpoint
from ctflow.errors import CTFlowError
from ctflow.events import Generator


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CTFlow: a chest CT from a report, in the browser.")
    parser.add_argument("--host", help="address to listen on (else GRADIO_SERVER_NAME, else this computer only)")
    parser.add_argument(
        "--port", type=int, help="port to listen on (else GRADIO_SERVER_PORT, else a free one from 7860)"
    )
    parser.add_argument("--model", default=os.environ.get("CTFLOW_MODEL", "demo"), help="a checkpoint's folder or name")
    parser.add_argument(
        "--device",
        default=os.environ.get("CTFLOW_DEVICE", "auto"),
        choices=["auto", "cpu", "cuda"],
        help="where it runs",
    )
    return parser.parse_args(given)


def _generator(model: str, device: str) -> Generator:
    folder = find_checkpoint(model)
    from ctflow.pipeline import CTFlow  # here, so that --help and a mistyped model are answered at once

    return CTFlow.load(folder, device)


def main(given: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    arguments = _arguments(given)
    try:
        demo = build(_generator(arguments.model, arguments.device))
    except CTFlowError as error:
        print(f"CTFlow cannot start: {error}", file=sys.stderr)
        return 2
    demo.launch(server_name=arguments.host, server_port=arguments.port, **launch_options())
    return 0


if __name__ == "__main__":
    sys.exit(main())
