"""Build the wheel of a copy of the sources, and compare what it holds with the package folder."""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "sklearn_seq"
REQUIRED = (f"{PACKAGE}/__init__.py", f"{PACKAGE}/__init__.pyi", f"{PACKAGE}/py.typed")


def ignored(folder: str, names: list[str]) -> list[str]:
    """What is not source: caches everywhere; hidden and built things at the top."""
    drop = {"__pycache__"}
    if Path(folder) == ROOT:
        drop |= {name for name in names if name.startswith(".") or name.endswith(".egg-info")}
        drop |= {"build", "dist", "demo_output"}
    return [name for name in names if name in drop]


def build(folder: Path) -> Path:
    """A wheel, built in a copy, so that leftovers of earlier builds stay out of it and none stay behind."""
    shutil.copytree(ROOT, folder / "source", ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed\n{done.stdout}\n{done.stderr}")
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def complaints(wheel: Path) -> list[str]:
    """What is wrong with the wheel, one line each."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    dist_info = re.compile(r"sklearn_seq-[^/]+\.dist-info/")
    packaged = {name for name in held if not dist_info.match(name)}
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    return [
        *(f"{name} is in the wheel, and not in {PACKAGE}/" for name in sorted(packaged - sources)),
        *(
            f"{name} is not in the wheel; is an __init__.py or an entry of package-data missing?"
            for name in sorted(sources - packaged | set(REQUIRED) - packaged)
        ),
    ]


def main() -> None:
    """Build, compare, say."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        wrong = complaints(wheel)
        if wrong:
            sys.exit(f"{wheel.name}:\n  " + "\n  ".join(wrong))
        print(f"{wheel.name}: {wheel.stat().st_size / 1e3:.0f} kB, holds {PACKAGE}/ and its .dist-info alone")


if __name__ == "__main__":
    main()
