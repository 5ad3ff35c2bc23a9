"""The inline runner needs no Ray: a whole sweep runs where it cannot be imported at all."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tiny_sweep import TINY

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys

class NoRay:
    def find_spec(self, name, path=None, target=None):
        if name == "ray" or name.startswith("ray."):
            raise ImportError("there is no Ray here")

sys.meta_path.insert(0, NoRay())
import json
import convscape
from convscape.search.driver import launching
from convscape.search.tracking import upload_process
for word in ("start", "flush", "stop"):
    setattr(upload_process, word, lambda *_: None)
launching.FLUSH_SECONDS = 0.0
sweep = convscape.launch("tiny.yaml", progress=False)
exported = sweep.export("exported")
print(json.dumps({"counts": sweep.counts(), "best": sweep.best.accuracy, "files": list(exported.files)}))
assert not [name for name in sys.modules if name.split(".")[0] == "ray"]
"""


def test_a_whole_sweep_runs_where_ray_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    result = json.loads(told.stdout.splitlines()[-1])
    assert result["counts"]["unfinished"] == 0
    assert result["counts"]["completed"] >= 1
    assert result["best"] > 0.1
    assert "model.py" in result["files"]
