"""The wheel works in a clean environment, with only the base packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USE = """
import sys
from quotetune import Index, build_index, quip_score, trace

build_index(["The quick brown fox jumps over the lazy dog."], "index")
index = Index.open("index")
text = "A quick brown fox jumps over the lazy dog."
assert quip_score(text, index) == 17 / 18
assert [quote.text for quote in trace(text, index)] == [" quick brown fox jumps over the lazy dog."]
assert not {"torch", "transformers", "pyarrow"} & sys.modules.keys()

import quotetune.report

assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_serves_every_python_from_3_11(wheel):
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_carries_types_and_licence_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"quotetune/py.typed", "quotetune/_core.pyi"} <= set(names)
    templates = {"report.html", "report.css", "sources.js", "responses.js"}
    assert {f"quotetune/report/templates/{name}" for name in templates} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("tests/" in name for name in names)


def test_the_wheel_works_in_a_clean_environment_without_torch(wheel, tmp_path):
    uv = str(Path(sys.executable).with_name("uv"))
    environment = tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python, wheel]
    subprocess.run(install, check=True)
    subprocess.run([python, "-c", USE], cwd=tmp_path, check=True)
