"""The memory that tensors on a CPU lie in. Without torch, which reads the variable when it first needs memory."""

import os
from collections.abc import MutableMapping

# torch then asks Linux for pages of 2 MB wherever they fit. The feature maps of an A-VAE are tens of thousands of pages
# of 4 KB, each of which the system would hand out by itself, for a tenth of the time of a decoded slice.
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def use_huge_pages(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes torch take large pages, unless the variable says otherwise. Works only before torch is imported."""
    for name, value in HUGE_PAGES.items():
        environment.setdefault(name, value)
