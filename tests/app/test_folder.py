"""A server's folder: its own while it lives, and nobody's afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.folder import own_folder
from ctflow.errors import ResourceError

ROOT = Path(__file__).parents[2]
SERVER = """
import sys, time
from pathlib import Path
from app.folder import own_folder

folder, lock = own_folder(Path(sys.argv[1]), sys.argv[2])
(folder / "run").mkdir()
(folder / "run" / ".ctflow-0.part").write_bytes(b"half")
print("there", flush=True)
time.sleep(600)
"""


def serve(root: Path, name: str) -> subprocess.Popen[bytes]:
    server = subprocess.Popen([sys.executable, "-c", SERVER, root, name], cwd=ROOT, stdout=subprocess.PIPE)
    assert server.stdout
    with server.stdout as said:
        assert said.readline() == b"there\n"
    return server


def kill(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


def test_what_a_killed_server_left_goes_at_the_next_start_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    """Half-written files of a killed server stayed until they were old."""
    killed, living = (serve(tmp_path, name) for name in ("killed", "living"))
    try:
        kill(killed)
        folder, _lock = own_folder(tmp_path, "new")
        assert folder.is_dir()
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["living", "new"]
        assert (tmp_path / "living" / "run" / ".ctflow-0.part").read_bytes() == b"half"
    finally:
        kill(living)
    _, _lock_of_another = own_folder(tmp_path, "another")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["another", "new"]


def test_a_servers_folder_is_closed_to_other_accounts(tmp_path: Path) -> None:
    """Everybody on a machine could read the reports."""
    folder, _lock = own_folder(tmp_path, "server")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_where_no_files_can_be_written_the_error_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="Set GRADIO_TEMP_DIR"):
        own_folder(tmp_path / "file" / "ctflow", "server")
