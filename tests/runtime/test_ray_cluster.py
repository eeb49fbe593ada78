"""A cluster that is not there, or an address that is none, is told at once."""

import socket

import pytest

from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.ray_cluster import ray_cluster


def test_a_cluster_that_does_not_answer_is_told_at_once() -> None:
    """Ray tries for more than five minutes."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ResourceError, match=f"No Ray cluster answers at {address}"), ray_cluster(address):
            pass


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "ray://head"])
def test_an_address_has_host_and_port(address: str) -> None:
    with pytest.raises(RequestError, match=r"is HOST:PORT, such as 10\.0\.0\.1:6379"), ray_cluster(address):
        pass
