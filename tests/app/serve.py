"""Serves the fake generator until it is killed: python -m tests.app.serve --port N [--step-s S]"""

import argparse

from app.ui import Page
from tests.app.fake import sleeping


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--step-s", type=float, default=0.0)
    arguments = parser.parse_args()
    Page(sleeping(arguments.step_s)).launch(server_name="127.0.0.1", server_port=arguments.port, quiet=True)


if __name__ == "__main__":
    main()
