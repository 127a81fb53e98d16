"""The only decoder for text written by people: UTF-8, or an error that names the line."""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"  # a byte order mark


def decoded(data: bytes) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors write.

    Raises ValueError, whose text says what is wrong and where: "line 3: byte 0xe9 is not UTF-8".
    """
    data = data.removeprefix(BOM)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: byte {data[error.start]:#04x} is not UTF-8") from None
