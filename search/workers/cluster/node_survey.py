"""What each node of a cluster is asked before a sweep. The functions run where Convscape is another, or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORK = "INPUT[8x8x1] -> CONV3-8 same -> BN -> RELU -> POOL2 -> FLATTEN -> FC-10"
"""The small network that is trained for an epoch, in Convscape's notation; its images are the embedded digits."""
PACKAGES = ("torch", "ray", "convscape", "numpy", "safetensors", "optuna", "mlflow")
"""Packages whose versions are asked for."""


def survey() -> Callable[..., dict[str, Any]]:
    """A function that says what a node is and has; it is pickled whole, and brings nothing of Convscape along.

    It takes the path of a file that the driver has written, the text in it, and the folder of the images, their URL in
    object storage, or None. It returns plain values: `versions` by package, "" for one that is not there, "python"
    among them; `unusable`, why a package that is there does not load, by package; `memory` in bytes; `gpus`, each with
    name and memory in bytes as PyTorch finds them; `temporary`, Ray's folder, and the bytes `free` there; whether the
    driver's file is `seen` here, and why files beside it cannot be `written`, "" where they can; and why the `images`
    cannot be read, "" where they can, None where there are none.
    """

    def function(file: str, text: str, images: str | None, packages: tuple[str, ...] = PACKAGES) -> dict[str, Any]:
        import importlib
        import importlib.metadata
        import os
        import platform
        import shutil
        import tempfile

        versions = {"python": platform.python_version()}
        unusable: dict[str, str] = {}
        for package in packages:
            try:
                if package == "convscape":  # it may have been sent here, and not installed
                    versions[package] = importlib.import_module(package).__version__
                else:
                    versions[package] = importlib.metadata.version(package)
            except ModuleNotFoundError:  # importlib.metadata's PackageNotFoundError is one
                versions[package] = ""
            except Exception as error:  # noqa: BLE001 - whatever a broken installation raises is told
                versions[package], unusable[package] = "", f"{type(error).__name__}: {error!s:.200}"
        gpus = []
        if versions.get("torch"):
            try:
                torch = importlib.import_module("torch")
                for number in range(torch.cuda.device_count()):
                    gpu = torch.cuda.get_device_properties(number)
                    gpus.append({"name": str(gpu.name), "memory": int(gpu.total_memory)})
            except Exception as error:  # noqa: BLE001 - a library or driver that is missing shows in many ways
                unusable["torch"] = f"{type(error).__name__}: {error!s:.200}"
        try:  # it knows of containers' limits
            memory = int(importlib.import_module("ray._common.utils").get_system_memory())
        except Exception:  # noqa: BLE001 - another Ray has it elsewhere
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        try:
            session = importlib.import_module("ray._private.worker").global_worker.node.get_session_dir_path()
            temporary = os.path.dirname(session)  # noqa: PTH120
        except Exception:  # noqa: BLE001 - another Ray has it elsewhere
            temporary = tempfile.gettempdir()
        seen, written = False, ""
        try:
            with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - plain, for whatever Python runs there
                seen = opened.read() == text
        except OSError:
            pass
        if seen:
            try:
                with tempfile.NamedTemporaryFile(dir=os.path.dirname(file), prefix=".convscape-"):  # noqa: PTH120
                    pass
            except OSError as error:
                written = error.strerror or str(error)
        unread = None
        if images is not None and "://" not in images:
            unread = "" if os.access(images, os.R_OK) else "it is not there, or cannot be read"
        elif images is not None:
            try:
                system, root = importlib.import_module("fsspec.core").url_to_fs(images)
                system.info(root)
                unread = ""
            except Exception as error:  # noqa: BLE001 - whatever reads such URLs, or is missing
                unread = f"{type(error).__name__}: {error!s:.200}"
        return {
            "versions": versions,
            "unusable": unusable,
            "memory": memory,
            "gpus": gpus,
            "temporary": temporary,
            "free": shutil.disk_usage(temporary).free,
            "seen": seen,
            "written": written,
            "images": unread,
        }

    return function


def small_training() -> Callable[..., dict[str, Any]]:
    """A function that trains a small network on the embedded digits for an epoch, with the Convscape of its node.

    It takes "cpu" or "cuda", and returns the epoch's `seconds` and validation `accuracy`. Whatever is wrong with the
    installation is raised there.
    """

    def function(device: str, network: str = NETWORK) -> dict[str, Any]:
        import importlib

        import torch

        torch.set_num_threads(1)
        spaces, trainers = (importlib.import_module(f"convscape.{room}") for room in ("spaces", "trainers"))
        images = trainers.load_dataset("digits", train=512, validation=128)
        result = trainers.Training(
            spaces.parse_notation(network), trainers.Recipe(batch_size=32), images, seed=0, epochs=1, device=device
        ).run_epoch()
        return {"seconds": result.seconds, "accuracy": result.validation_accuracy}

    return function
