"""The bundle as it was last time: JSON beside the byte code, or in the user's cache, so that a start reads no YAML."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).with_name("openapi.yaml")


def load_bundle(root: Path = ROOT) -> dict[str, Any]:
    """The bundle of the files at `root`, from the cache when they have not changed. Raises ContractError."""
    key = _cache_key(root)
    for place in _cache_places(root):
        document = _read_cache(place, key)
        if document is not None:
            return document
    from .bundle import bundle

    document = bundle(root)
    content = key + b"\n" + orjson.dumps(document)
    for place in _cache_places(root):
        if _write_cache(place, content):
            break
    return document


def source_names(root: Path) -> list[str]:
    """The YAML files that make up the contract at `root`, relative to its folder, sorted."""
    names = []
    for folder in ("", "paths", "schemas"):
        try:
            with os.scandir(root.parent / folder) as entries:
                names += [f"{folder}/{entry.name}" if folder else entry.name for entry in entries]
        except FileNotFoundError:
            continue
    return sorted(name for name in names if name.endswith(".yaml"))


def _cache_key(root: Path) -> bytes:
    """What the bundle depends on: the files' names, sizes and times, and this code's own."""
    here = Path(__file__)
    files = [root.parent / name for name in source_names(root)]
    parts = [sys.version.split()[0]]
    for path in (*files, here, here.with_name("bundle.py"), here.with_name("sources.py")):
        try:
            status = path.stat()
        except OSError:
            continue
        parts.append(f"{path.name}:{status.st_size}:{status.st_mtime_ns}")
    return "|".join(parts).encode("utf-8", "surrogateescape")


def _cache_places(root: Path) -> Iterator[Path]:
    yield root.parent / "__pycache__" / f"{root.stem}.bundle.json"
    from hashlib import blake2b

    name = blake2b(str(root.absolute()).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
    folder = _user_cache()
    if folder is not None:
        yield folder / "serving-endpoints-mock" / f"{name}.bundle.json"


def _user_cache() -> Path | None:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) if base else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _read_cache(place: Path, key: bytes) -> dict[str, Any] | None:
    try:
        content = place.read_bytes()
        found, _, body = content.partition(b"\n")
        document = orjson.loads(body) if found == key else None
    except (OSError, orjson.JSONDecodeError):
        return None
    return document if isinstance(document, dict) else None


def _write_cache(place: Path, content: bytes) -> bool:
    """Whether it was written: whole or not at all, and never an error, for a cache is only a convenience."""
    import tempfile

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=place.name)
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # one user may install what others run
        os.replace(temporary, place)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        return False
    return True
