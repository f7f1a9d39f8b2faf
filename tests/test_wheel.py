"""The wheel works in a clean environment, with only the base packages."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TARGETS = {
    "x86_64-unknown-linux-gnu": "ubuntu",
    "aarch64-unknown-linux-gnu": "ubuntu",
    "x86_64-apple-darwin": "macos",
    "aarch64-apple-darwin": "macos",
}


# To build it takes a minute. `make setup` builds the same extension for the other tests.
@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_serves_every_python_from_3_11(wheel):
    assert "-cp311-abi3-" in wheel.name


@pytest.mark.slow
def test_the_wheel_carries_types_and_licence_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"quotetune/py.typed", "quotetune/_core.pyi"} <= set(names)
    package = ROOT / "python"
    templates = {path.relative_to(package).as_posix() for path in package.rglob("templates/*")}
    assert "quotetune/report/templates/report.html" in templates <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("tests/" in name for name in names)


@pytest.mark.slow
def test_the_wheel_works_in_a_clean_environment_without_torch(wheel, tmp_path):
    uv = str(Path(sys.executable).with_name("uv"))
    environment = tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python, wheel]
    subprocess.run(install, check=True)
    subprocess.run([python, ROOT / "tests" / "wheel_use.py"], cwd=tmp_path, check=True)


def test_the_source_distribution_has_all_that_a_build_needs(tmp_path):
    build = [sys.executable, "-m", "maturin", "sdist", "--out", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = [*ROOT.glob("rust/*/src/**/*.rs"), *ROOT.glob("python/**/*.py")]
    assert {source.relative_to(ROOT).as_posix() for source in sources} <= names
    assert {"Cargo.lock", "pyproject.toml", "LICENSE", "README.md"} <= names
    assert not any(name.startswith(("tests/", "target/", "data/")) for name in names)


def steps(job):
    uses = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
    return uses, [step.get("run", "") for step in job["steps"]], job["steps"]


def test_the_recipe_builds_and_uses_a_wheel_for_each_platform():
    recipe = yaml.safe_load((ROOT / ".github" / "workflows" / "wheels.yml").read_text())
    job = recipe["jobs"]["wheel"]
    platforms = job["strategy"]["matrix"]["include"]
    assert {platform["target"] for platform in platforms} == TARGETS.keys()
    for platform in platforms:
        assert platform["runner"].startswith(TARGETS[platform["target"]])
        is_arm_linux = platform["target"].startswith("aarch64-unknown-linux")
        assert platform["runner"].endswith("-arm") == is_arm_linux
    uses, runs, all_steps = steps(job)
    build = all_steps[uses.index("PyO3/maturin-action")]["with"]
    assert build["target"] == "${{ matrix.target }}" and "--locked" in build["args"]
    assert any("pip install dist/*.whl" in run and "tests/wheel_use.py" in run for run in runs)
    uses, runs, all_steps = steps(recipe["jobs"]["sdist"])
    assert all_steps[uses.index("PyO3/maturin-action")]["with"]["command"] == "sdist"
    assert any("dist/*.tar.gz" in run for run in runs)


def test_the_platforms_are_named_where_packages_are_looked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    systems = {name for name in project["classifiers"] if name.startswith("Operating System")}
    assert systems == {"Operating System :: POSIX :: Linux", "Operating System :: MacOS"}


def test_windows_is_refused_with_one_line():
    script = "import sys; sys.platform = 'win32'; import quotetune"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "ImportError: quotetune supports Linux and macOS; on Windows, use it in WSL"
    )
