"""The viewer's ES modules: their own tests, run by node, and how the server hands them out."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import playwright
import pytest

from app.modules import Modules, read_modules
from tests.app.fake import sleeping
from tests.app.server import serving

# Gradio closes sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
NODE = Path(playwright.__file__).parent / "driver" / "node"  # wherever the browser tests run there is this one


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving() as start:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("server")))
        yield start(sleeping(0), auth=("reader", "secret"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "main.js").write_text("import './data/volume.js'", encoding="utf-8")
    (tmp_path / "data" / "volume.js").write_text("// a volume", encoding="utf-8")
    (tmp_path / "tsconfig.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_what_node_says_of_the_modules() -> None:
    """Geometry, tools, keys, feeds and the session, without a browser: see tests/app/viewer."""
    tests = sorted(str(path) for path in (Path(__file__).parent / "viewer").glob("*.test.mjs"))
    assert tests
    done = subprocess.run([NODE, "--test", *tests], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scripts_of_a_folder_and_nothing_else_are_modules(folder: Path) -> None:
    assert read_modules(folder).scripts == {"data/volume.js": b"// a volume", "main.js": b"import './data/volume.js'"}


def test_another_release_has_another_address(folder: Path) -> None:
    first = read_modules(folder)
    assert read_modules(folder).version == first.version
    (folder / "data" / "volume.js").write_text("// a better volume", encoding="utf-8")
    second = read_modules(folder)
    assert second.version != first.version
    (folder / "data" / "volume.js").rename(folder / "data" / "volumes.js")
    assert read_modules(folder).version not in (first.version, second.version)


def test_scripts_are_read_when_the_server_starts_and_not_later(folder: Path) -> None:
    modules = read_modules(folder)
    (folder / "main.js").write_text("something else", encoding="utf-8")
    assert modules.script(modules.version, "main.js") == b"import './data/volume.js'"


def test_every_module_is_served_and_kept_for_ever(url: str) -> None:
    """Without a login too: the scripts hold no secret, and are the same for everybody."""
    modules = read_modules()
    for path, script in modules.scripts.items():
        answer = httpx.get(f"{url}viewer/{modules.version}/{path}")
        assert answer.status_code == 200
        assert answer.content == script
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "VERSION/tsconfig.json",
        "VERSION/package.json",
        "VERSION/../main.js",
        "VERSION/%2e%2e/%2e%2e/component.py",
        "VERSION/..%2f..%2fui.py",
        "VERSION//etc/passwd",
        "VERSION/",
        "0000000000000000/main.js",
        "main.js",
    ],
)
def test_nothing_else_is_served_below_their_address(url: str, path: str) -> None:
    address = httpx.URL(f"{url}viewer/").copy_with(raw_path=f"/viewer/{path}".replace("VERSION", version()).encode())
    answer = httpx.get(address, follow_redirects=True)
    assert answer.status_code in (401, 404)
    assert "cache-control" not in answer.headers


def test_a_page_names_all_its_modules_so_that_they_are_fetched_at_once(url: str) -> None:
    links = httpx.get(url).headers["link"].split(", ")
    assert links == [f"<viewer/{version()}/{path}>; rel=modulepreload" for path in modules().scripts]
    assert "link" not in httpx.get(f"{url}health").headers


def modules() -> Modules:
    return read_modules()


def version() -> str:
    return modules().version
