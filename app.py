"""Starts the app: python app.py; --help lists the options."""

from app.zero import OnZeroGPU, on_zero_gpu  # isort: skip  (where `spaces` is there, it must come before torch)

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from functools import cache, partial

from app.runs import Limits
from app.ui import Page
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import CUDA_CHOICES, DECODERS, DEVICES, PRECISIONS
from ctflow.errors import CTFlowError, RequestError
from ctflow.generator import VolumeGenerator
from ctflow.judge import Judge
from ctflow.one_thread import OnOneThread
from ctflow.runtime.threads import wait_passively


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CTFlow: a chest CT from a report, in the browser.")
    parser.add_argument("--host", help="address to listen on (else GRADIO_SERVER_NAME, else this computer only)")
    parser.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="port to listen on (else GRADIO_SERVER_PORT, else a free one from 7860)",
    )
    parser.add_argument(
        "--model", default=os.environ.get("CTFLOW_MODEL", "demo"), help="a checkpoint's folder or name (default: demo)"
    )
    parser.add_argument(
        "--device",
        default=os.environ.get("CTFLOW_DEVICE", "auto"),
        choices=DEVICES,
        help="where the model runs; auto is the GPU if there is one (default: auto)",
    )
    for name, choices, text in (
        ("decoder", DECODERS, "what makes slices from latents; taef1, where the model has it, is faster and coarser"),
        ("cuda", CUDA_CHOICES, "how a GPU runs the model, see app/README.md; auto is graph, and plain on ZeroGPU"),
        ("precision", PRECISIONS, "number format of the large matrix products; auto is the fastest on this hardware"),
    ):
        default = os.environ.get(f"CTFLOW_{name.upper()}", choices[0])
        parser.add_argument(f"--{name}", choices=choices, default=default, help=f"{text} (default: {choices[0]})")
    _setting(parser, "keep-hours", Limits.keep_s / 3600, "how long a volume is kept after somebody last looked at it")
    _setting(parser, "max-gb", Limits.disk_bytes / 1e9, "disk space for all volumes together")
    _setting(parser, "max-waiting", Limits.waiting, "how many runs may wait, beside the one on the model")
    _setting(parser, "max-waiting-each", Limits.waiting_each, "how many of these may be one visitor's")
    return parser.parse_args(given)


def _setting(parser: argparse.ArgumentParser, name: str, default: float, text: str) -> None:
    """An option that a Space, which has no command line, sets as the variable CTFLOW_NAME."""
    given = os.environ.get(f"CTFLOW_{name.upper().replace('-', '_')}", str(default))
    parser.add_argument(f"--{name}", type=amount, metavar="N", default=given, help=f"{text} (default: {default:g})")


def port(given: str) -> int:
    number = int(given)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"a port from 1 to 65535 was expected; got {number}")
    return number


def amount(given: str) -> float:
    number = float(given)
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"a number from 0 to a billion was expected; got {given!r}")
    return number


def _limits(arguments: argparse.Namespace) -> Limits:
    return Limits(
        keep_s=arguments.keep_hours * 3600,
        disk_bytes=int(arguments.max_gb * 1e9),
        waiting=int(arguments.max_waiting),
        waiting_each=int(arguments.max_waiting_each),
    )


def _login() -> tuple[str, str] | None:
    """From CTFLOW_AUTH alone, because everybody on a machine can read its command lines."""
    given = os.environ.get("CTFLOW_AUTH")
    if not given:
        return None
    name, _, password = given.partition(":")
    if not (name and password):
        raise RequestError("CTFLOW_AUTH is a name and a password with a colon between them, as in reader:secret.")
    return name, password


def _generator(model: str, device: str, decoder: str, cuda: str, precision: str, driven: bool) -> VolumeGenerator:
    """`driven`: on ZeroGPU, where each request's own worker drives the model, and there is no GPU until then."""
    if driven and cuda not in ("auto", "plain"):
        raise RequestError(f"ZeroGPU lends no GPU before a run, so none can be prepared: leave out --cuda {cuda}.")
    folder = find_checkpoint(model)
    from ctflow.pipeline import CTFlow  # here, so that --help and a mistyped model are answered at once

    if driven:
        return OnZeroGPU(CTFlow.load(folder, device, decoder, "plain", precision=precision, warm_up=False, drafts=True))
    return OnOneThread(lambda: CTFlow.load(folder, device, decoder, cuda, precision=precision, drafts=True))


@cache
def _judges(model: str, generator: VolumeGenerator) -> tuple[Sequence[Judge], str]:
    """Who looks for findings in volumes. At the first question: what they need takes seconds to import."""
    from ctflow.commands.found import judges_of

    return judges_of(find_checkpoint(model), generator)


def main(given: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    arguments = _arguments(given)
    try:
        login, driven = _login(), on_zero_gpu()
        generator = _generator(
            arguments.model, arguments.device, arguments.decoder, arguments.cuda, arguments.precision, driven
        )
        page = Page(generator, _limits(arguments), driven, judges=partial(_judges, arguments.model, generator))
    except CTFlowError as error:
        print(f"CTFlow cannot start: {error}", file=sys.stderr)
        return 2
    try:
        page.launch(server_name=arguments.host, server_port=arguments.port, auth=login)
    except OSError as error:  # the port is taken
        print(f"CTFlow cannot start: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    wait_passively()
    sys.exit(main())
