"""The file: a zip with nothing compressed, and a digest of all its bytes behind it."""

import contextlib
import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterable
from typing import Any

__all__ = ["Refusal", "check_digest", "pack", "parse_json", "read_bytes", "sign", "unpack", "write_bytes"]

_MARK = b"sha256:"
_SIGNATURE = len(_MARK) + 64


class Refusal(ValueError):
    """A good file that is not read here; the message says what to do."""


def pack(entries: dict[str, bytes]) -> bytes:
    """A zip that depends on the entries alone: the same bytes whenever and wherever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def unpack(data: bytes, what: str) -> dict[str, bytes]:
    """The entries of a zip made by `pack`; their sum is never larger than the zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) < len(names):
                raise ValueError(f"{what} holds two entries of one name")
            for info in infos:
                if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1:
                    raise ValueError(f"{what} holds the compressed or encrypted entry {info.filename!r}")
                if info.file_size != info.compress_size:
                    raise ValueError(f"{what} gives two sizes for the entry {info.filename!r}")
            if sum(info.file_size for info in infos) > len(data):
                raise ValueError(f"{what} declares entries larger than itself")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise ValueError(f"{what} is no zip that can be read ({error})") from error


def sign(data: bytes) -> bytes:
    """The zip with its digest as its comment; the digest covers every byte before it."""
    with zipfile.ZipFile(buffer := io.BytesIO(data), "a") as archive:
        archive.comment = _MARK + b"0" * 64
    body = buffer.getvalue()[:-_SIGNATURE]
    return body + _MARK + hashlib.sha256(body).hexdigest().encode()


def check_digest(data: bytes) -> None:
    """Refuse a file of another kind, and one with a byte changed, lost or added."""
    body, comment = data[:-_SIGNATURE], data[-_SIGNATURE:]
    if not data.startswith(b"PK\x03\x04") or not comment.startswith(_MARK):
        kind = "it looks like a pickle, and pickles are not read" if data[:1] == b"\x80" else "its digest is missing"
        raise ValueError(f"it is no complete file of sklearn_seq.save: {kind}")
    if comment != _MARK + hashlib.sha256(body).hexdigest().encode():
        raise ValueError("its content does not match its digest, so that bytes were changed since it was saved")


def parse_json(data: bytes, what: str) -> Any:
    """JSON in which no key comes twice and no number is NaN."""

    def no_constant(name: str) -> Any:
        raise ValueError(f"the number {name} is not JSON")

    def once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        pairs = list(pairs)
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key comes twice in one object")
        return found

    try:
        return json.loads(data.decode("utf-8"), parse_constant=no_constant, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} cannot be read ({error})") from error


def read_bytes(path: Any) -> bytes:
    """All of a file, given by its path or open."""
    if hasattr(path, "read"):
        data = path.read()
        if not isinstance(data, bytes):
            raise TypeError(f"{path!r} gives {type(data).__name__}; wanted bytes. Open it with mode 'rb'.")
        return data
    with open(os.fspath(path), "rb") as file:
        return file.read()


def write_bytes(path: Any, data: bytes) -> None:
    """Write a whole file or nothing: what stood there before stays until the new one is complete."""
    if hasattr(path, "write"):
        path.write(data)
        return
    target = os.fspath(path)
    folder, name = os.path.split(os.fsdecode(target))
    draft = os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
