"""A model file small enough to write in a test: the real engine loads it, and it says the words it was given."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

# The value types of the GGUF format, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
ALIGNMENT = 32
SAY = "<|say|>"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}" + SAY


def write_talking_model(path: Path, words: Sequence[str], *, endless: bool = False, context: int = 8192) -> Path:
    """Write a GGUF file of about a megabyte to ``path`` that answers every prompt with ``words``.

    It is a one-layer Llama whose layer adds nothing: each token's embedding points at one axis, and the output
    matrix leads from each word to the next one, from the last to the end (or to the first word, if ``endless``).
    No two words may be the same, as a vocabulary holds each only once.
    """
    tokens = ["<unk>", "<s>", "</s>", SAY, *(f"<0x{byte:02X}>" for byte in range(256)), *map(_piece, words)]
    kinds = [UNKNOWN, CONTROL, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(words)]
    first = len(tokens) - len(words)
    chain = [3, *range(first, len(tokens)), first if endless else 2]
    width = -(-len(tokens) // ALIGNMENT) * ALIGNMENT
    follows = [(after, before) for before, after in pairwise(chain)]
    facts = _facts(width, context) + _vocabulary(tokens, kinds)
    path.write_bytes(_gguf(facts, _tensors(len(tokens), width, follows)))
    return path


def _piece(word: str) -> str:
    """The word as SentencePiece writes it: a space is a lower one eighth block."""
    return word.replace(" ", "▁")


def _facts(width: int, context: int) -> list[bytes]:
    return [
        _entry("general.architecture", STRING, _string("llama")),
        _entry("llama.context_length", UINT32, struct.pack("<I", context)),
        _entry("llama.embedding_length", UINT32, struct.pack("<I", width)),
        _entry("llama.block_count", UINT32, struct.pack("<I", 1)),
        _entry("llama.feed_forward_length", UINT32, struct.pack("<I", ALIGNMENT)),
        _entry("llama.attention.head_count", UINT32, struct.pack("<I", width // ALIGNMENT)),
        _entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-6)),
    ]


def _vocabulary(tokens: Sequence[str], kinds: Sequence[int]) -> list[bytes]:
    return [
        _entry("tokenizer.ggml.model", STRING, _string("llama")),
        _entry("tokenizer.ggml.tokens", ARRAY, _array(STRING, [_string(token) for token in tokens])),
        _entry("tokenizer.ggml.scores", ARRAY, _array(FLOAT32, [struct.pack("<f", 0.0)] * len(tokens))),
        _entry("tokenizer.ggml.token_type", ARRAY, _array(INT32, [struct.pack("<i", kind) for kind in kinds])),
        _entry("tokenizer.ggml.unknown_token_id", UINT32, struct.pack("<I", 0)),
        _entry("tokenizer.ggml.bos_token_id", UINT32, struct.pack("<I", 1)),
        _entry("tokenizer.ggml.eos_token_id", UINT32, struct.pack("<I", 2)),
        _entry("tokenizer.chat_template", STRING, _string(TEMPLATE)),
    ]


def _tensors(
    vocabulary: int, width: int, follows: Sequence[tuple[int, int]]
) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Name, shape (fastest axis first) and float32 bytes of every weight; the layer's own weights are zero."""
    ones = struct.pack("<f", 1.0) * width
    square, thin = bytes(4 * width * width), bytes(4 * width * ALIGNMENT)
    layer = {f"attn_{name}": square for name in ("q", "k", "v", "output")}
    return [
        ("token_embd.weight", (width, vocabulary), _matrix(vocabulary, width, [(i, i) for i in range(vocabulary)])),
        ("output.weight", (width, vocabulary), _matrix(vocabulary, width, follows)),
        ("output_norm.weight", (width,), ones),
        ("blk.0.attn_norm.weight", (width,), ones),
        ("blk.0.ffn_norm.weight", (width,), ones),
        *((f"blk.0.{name}.weight", (width, width), zeros) for name, zeros in layer.items()),
        ("blk.0.ffn_gate.weight", (width, ALIGNMENT), thin),
        ("blk.0.ffn_up.weight", (width, ALIGNMENT), thin),
        ("blk.0.ffn_down.weight", (ALIGNMENT, width), thin),
    ]


def _matrix(rows: int, columns: int, ones: Sequence[tuple[int, int]]) -> bytes:
    cells = bytearray(4 * rows * columns)
    for row, column in ones:
        struct.pack_into("<f", cells, 4 * (row * columns + column), 1.0)
    return bytes(cells)


def _gguf(facts: Sequence[bytes], tensors: Sequence[tuple[str, tuple[int, ...], bytes]]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts)) + b"".join(facts)
    offset = 0
    for name, shape, cells in tensors:
        head += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        offset += len(_padded(cells))
    return _padded(head) + b"".join(_padded(cells) for _, _, cells in tensors)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)


def _entry(key: str, kind: int, value: bytes) -> bytes:
    return _string(key) + struct.pack("<I", kind) + value


def _array(kind: int, values: Sequence[bytes]) -> bytes:
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded
