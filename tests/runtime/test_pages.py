"""Large pages are asked for, and what somebody has said about them stays."""

from ctflow.runtime.pages import HUGE_PAGES, use_huge_pages


def test_torch_is_asked_to_take_huge_pages() -> None:
    environment = {"HOME": "/home/reader"}
    use_huge_pages(environment)
    assert environment == {"HOME": "/home/reader"} | HUGE_PAGES


def test_what_a_user_has_set_for_pages_stays() -> None:
    environment = dict.fromkeys(HUGE_PAGES, "0")
    use_huge_pages(environment)
    assert set(environment.values()) == {"0"}
