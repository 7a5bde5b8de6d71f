"""How many rows and which columns a Parquet file has, read from its footer alone.

The footer is a structure in Thrift's compact protocol (https://parquet.apache.org/docs/file-format/metadata/): field 2
is the schema, depth first with the root at its head, field 3 the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAGIC = b"PAR1"
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)
_DEEPEST = 32


class NotParquet(ValueError):
    """The bytes are no Parquet file, or one whose footer cannot be read."""


@dataclass(frozen=True, slots=True)
class Table:
    """The shape of a Parquet file's table; ``columns`` are those at the top level."""

    rows: int
    columns: tuple[str, ...]


def read(data: bytes) -> Table:
    """The shape of the table in a Parquet file.

    Raises:
        NotParquet: the bytes are no Parquet file.
    """
    if len(data) < 12 or data[:4] != _MAGIC or data[-4:] != _MAGIC:
        raise NotParquet(
            "Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file."
        )
    size = int.from_bytes(data[-8:-4], "little")
    if size > len(data) - 12:
        raise NotParquet(
            f"Parquet file size is {len(data)} bytes, smaller than the size reported by footer's ({size} bytes)"
        )
    try:
        fields = _Reader(data[-8 - size : -8]).struct(0)
        rows, schema = fields[3], fields[2]
        if not isinstance(rows, int) or not isinstance(schema, list):
            raise NotParquet("Couldn't deserialize thrift: the footer has no row count")
        return Table(rows, _top_level(schema))
    except (IndexError, KeyError, UnicodeDecodeError) as reason:
        raise NotParquet(f"Couldn't deserialize thrift: {reason}") from None


def _top_level(schema: list[object]) -> tuple[str, ...]:
    """The names of the root's children; SchemaElement has the name in field 4 and the number of children in field 5."""
    names: list[str] = []
    skip = 0
    for element in schema[1:]:
        if not isinstance(element, dict):
            continue
        if skip == 0:
            names.append(bytes(element.get(4, b"")).decode())
        else:
            skip -= 1
        skip += int(element.get(5, 0) or 0)
    return tuple(names)


class _Reader:
    """Thrift's compact protocol, as far as reading a footer needs it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def varint(self) -> int:
        result = shift = 0
        while True:
            value = self.byte()
            result |= (value & 0x7F) << shift
            if not value & 0x80:
                return result
            shift += 7

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        size = self.varint()
        if self.at + size > len(self.data):
            raise IndexError("a text runs over the end of the footer")
        value = self.data[self.at : self.at + size]
        self.at += size
        return value

    def struct(self, depth: int) -> dict[int, object]:
        if depth > _DEEPEST:
            raise IndexError("the footer is nested too deeply")
        fields: dict[int, object] = {}
        number = 0
        while (header := self.byte()) != _STOP:
            step = header >> 4
            number = number + step if step else self.integer()
            fields[number] = self.value(header & 0x0F, depth)
        return fields

    def value(self, kind: int, depth: int, boolean_in_list: bool = False) -> object:
        if kind in (_TRUE, _FALSE):
            return self.byte() == 1 if boolean_in_list else kind == _TRUE
        if kind == _BYTE:
            return self.byte()
        if kind in (_I16, _I32, _I64):
            return self.integer()
        if kind == _DOUBLE:
            self.at += 8
            return None
        if kind == _BINARY:
            return self.binary()
        if kind in (_LIST, _SET):
            header = self.byte()
            size = header >> 4 if header >> 4 != 15 else self.varint()
            return [self.value(header & 0x0F, depth + 1, True) for _ in range(size)]
        if kind == _MAP:
            size = self.varint()
            kinds = self.byte() if size else 0
            return [
                (self.value(kinds >> 4, depth + 1, True), self.value(kinds & 0x0F, depth + 1, True))
                for _ in range(size)
            ]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise IndexError(f"{kind} is no type of the compact protocol")
