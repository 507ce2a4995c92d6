"""Run lint, types, import order and the test suite; with a virtual display where there is none.

Without arguments a tree that has passed is not tested again until something in it, the shared data or Python changes;
CI always tests. Arguments go to pytest, and then nothing is remembered
and one process does it all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PASSED = ROOT / ".venv" / ".passed"


def fingerprint() -> str:
    """Digest of all files that belong to the tree, of the interpreter, and of which shared files are there."""
    state = hashlib.sha256(sys.version.encode())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in sorted(listed.stdout.decode().split("\0")):
        file = ROOT / name
        if name and file.is_file():
            state.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    for file in sorted((ROOT.parent / "shared" / "data").rglob("*")):
        state.update(f"{file.name} {file.stat().st_size}".encode())
    return state.hexdigest()


def lint() -> int:
    """ruff, mypy and import-linter; the first that complains ends the run."""
    tools = Path(sys.executable).parent
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]):
        ended = subprocess.run([str(tools / command[0]), *command[1:]], cwd=ROOT, check=False, capture_output=True, text=True)
        print(f"{' '.join(command)}: {'passed' if ended.returncode == 0 else 'FAILED'}", flush=True)
        if ended.returncode:
            print(ended.stdout + ended.stderr)
            return ended.returncode
    return 0


def main() -> int:
    arguments = sys.argv[1:]
    print_of_tree = "" if arguments else fingerprint()
    if print_of_tree and not os.environ.get("CI") and PASSED.exists() and PASSED.read_text().strip() == print_of_tree:
        print("the tests passed on just this tree already; remove .venv/.passed to run them again")
        return 0
    # Each worker begins with one half, in order, so that what a file prepares and compiles serves its other tests too.
    command = [sys.executable, "-m", "pytest", *(arguments or ["-n", "2", "--dist", "worksteal"])]
    environment = dict(os.environ)
    if not environment.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24", *command]
        environment["QT_QPA_PLATFORM"] = "xcb"
    with ThreadPoolExecutor(1) as beside:
        linted = beside.submit(lint) if not arguments else None
        code = subprocess.call(command, env=environment, cwd=ROOT)
    if linted is not None and linted.result():
        print("lint, types or import order FAILED: see above")
        code = code or 1
    if print_of_tree and code == 0:
        PASSED.write_text(print_of_tree)
    return code


if __name__ == "__main__":
    sys.exit(main())
