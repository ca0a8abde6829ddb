"""Git's wire formats, as far as servers that lie need them: pkt-lines, objects and packs."""
import hashlib
import struct
import zlib

FLUSH = b"0000"
COMMIT, TREE, BLOB, REF_DELTA = 1, 2, 3, 7
KINDS = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}


def pkt(data):
    """One pkt-line; text gets a line end."""
    if isinstance(data, str):
        data = data.encode() + b"\n"
    return b"%04x" % (len(data) + 4) + data


def advertisement(*capabilities):
    """The answer of a server of protocol version 2 to GET info/refs."""
    lines = ["version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow filter",
             "object-format=sha1", *capabilities]
    return pkt("# service=git-upload-pack") + FLUSH + b"".join(map(pkt, lines)) + FLUSH


def refs(*pairs):
    """The answer to ls-refs: (object name, ref) each, as text or bytes."""
    def encode(text):
        return text if isinstance(text, bytes) else text.encode()
    return b"".join(pkt(encode(name) + b" " + encode(ref) + b"\n") for name, ref in pairs) + FLUSH


def fetched(pack):
    """The answer to a fetch that has nothing to negotiate."""
    pieces = [pack[at:at + 65_000] for at in range(0, len(pack), 65_000)]
    return pkt("packfile") + b"".join(pkt(b"\x01" + piece) for piece in pieces) + FLUSH


def object_id(kind, content):
    return hashlib.sha1(b"%s %d\0%s" % (KINDS[kind], len(content), content)).hexdigest()


def commit_of(subject="x", parent=None, tree="4b825dc642cb6eb9a060e54bf8d69288fbee4904"):
    """A commit's content; its tree need not exist."""
    who = "Test <test@example.com> 1700000000 +0000"
    return (f"tree {tree}\n" + (f"parent {parent}\n" if parent else "") +
            f"author {who}\ncommitter {who}\n\n{subject}\n").encode()


def entry_head(kind, size):
    """What stands before an object's data: its kind, and the size that it claims."""
    byte, size, head = (kind << 4) | (size & 15), size >> 4, b""
    while size:
        head += bytes([byte | 0x80])
        byte, size = size & 0x7f, size >> 7
    return head + bytes([byte])


def entry(kind, content):
    return entry_head(kind, len(content)) + zlib.compress(content, 9)


def delta_entry(base, delta):
    """An object that is made of the object `base`."""
    return entry_head(REF_DELTA, len(delta)) + bytes.fromhex(base) + zlib.compress(delta, 9)


def pack(*entries, count=None):
    """A pack; `count` is what it claims to hold."""
    body = b"PACK" + struct.pack(">II", 2, len(entries) if count is None else count) + \
        b"".join(entries)
    return body + hashlib.sha1(body).digest()


def _varint(number):
    """A size at the start of a delta."""
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7f | 0x80])
        number >>= 7
    return encoded + bytes([number])


def delta_bomb():
    """Entries of some 20 KB that are 16 MB, and 2 GB made of it 128 times over."""
    block = bytes(1 << 24)
    times = 128
    copy = b"\x80"  # 64 KiB from offset 0, which is what no offset and no size mean.
    pieces = times * (len(block) >> 16)
    delta = _varint(len(block)) + _varint(times * len(block)) + copy * pieces
    return [entry(BLOB, block), delta_entry(object_id(BLOB, block), delta)]


def zeros(megabytes, wbits=15):
    """So many, compressed to a thousandth; `wbits` 31 makes a gzip file."""
    squeeze = zlib.compressobj(9, wbits=wbits)
    piece = bytes(1 << 20)
    return b"".join(squeeze.compress(piece) for _ in range(megabytes)) + squeeze.flush()


def inflation_bomb(megabytes):
    """An entry that claims, and is, so many zeros."""
    return entry_head(BLOB, megabytes << 20) + zeros(megabytes)
