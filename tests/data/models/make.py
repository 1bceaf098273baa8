#!/usr/bin/env python3
"""Writes the small networks of this folder (ONNX is protocol buffers; a field is a key, a length and bytes)."""
import struct


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def field(number_, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(number_ << 3 | 2) + varint(len(content)) + content


def ints_attribute(name, values):
    return field(5, field(1, name) + b"".join(number(8, v) for v in values) + number(20, 7))


def node(op, inputs, outputs, attributes=b"", domain=""):
    body = b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + field(4, op) + attributes
    return field(1, body + (field(7, domain) if domain else b""))


def int_attribute(name, n):
    return field(5, field(1, name) + number(3, n) + number(20, 2))


def graph_attribute(name, body):
    return field(5, field(1, name) + field(6, body) + number(20, 5))


def value(place, name, dims, dtype=1):
    shape = b"".join(field(1, number(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(place, field(1, name) + field(2, field(1, number(1, dtype) + field(2, shape))))


def integer(name, n):
    return field(5, number(2, 7) + field(8, name) + field(9, struct.pack("<q", n)))


def weights(name, dims):
    count = 1
    for d in dims:
        count *= d
    data = struct.pack("<%df" % count, *[((i * 37 + len(name) * 11) % 101 - 50) / 200 for i in range(count)])
    return field(5, b"".join(number(1, d) for d in dims) + number(2, 1) + field(8, name) + field(9, data))


def write(path, graph, domain=""):
    opsets = field(8, number(2, 13)) + (field(8, field(1, domain) + number(2, 1)) if domain else b"")
    with open(path, "wb") as file:
        file.write(number(1, 8) + field(7, graph + field(2, path[:-5])) + opsets)


def tiny(shape):
    return (
        node("Conv", ["image", "w1", "b1"], ["conv1"], ints_attribute("pads", [1, 1, 1, 1]))
        + node("Relu", ["conv1"], ["relu1"])
        + node("MaxPool", ["relu1"], ["pool1"], ints_attribute("kernel_shape", [2, 2]) + ints_attribute("strides", [2, 2]))
        + node("Conv", ["pool1", "w2"], ["conv2"])
        + node("Relu", ["conv2"], ["relu2"])
        + node("GlobalAveragePool", ["relu2"], ["mean"])
        + node("Flatten", ["mean"], ["flat"])
        + node("Gemm", ["flat", "w3", "b3"], ["score"])
        + weights("w1", [4, 3, 3, 3]) + weights("b1", [4]) + weights("w2", [8, 4, 1, 1])
        + weights("w3", [8, 5]) + weights("b3", [5])
        + value(11, "image", shape) + value(12, "score", [1, 5])
    )


write("tiny.onnx", tiny([1, 3, 16, 16]))
write("dynamic.onnx", tiny([1, 3, "height", "width"]))
write("two_inputs.onnx", node("Add", ["a", "b"], ["sum"]) + node("Relu", ["sum"], ["out/put:0"])
      + value(11, "a", [1, 4]) + value(11, "b", [1, 4]) + value(12, "out/put:0", [1, 4]) + value(12, "sum", [1, 4]))
write("side_by_side.onnx", node("Conv", ["image", "wa"], ["a"]) + node("Conv", ["a", "wb"], ["b"])
      + node("MaxPool", ["a"], ["c"], ints_attribute("kernel_shape", [1, 1]))
      + node("Concat", ["b", "c"], ["d"], field(5, field(1, "axis") + number(3, 1) + number(20, 2)))
      + weights("wa", [4, 3, 1, 1]) + weights("wb", [4, 4, 1, 1])
      + value(11, "image", [1, 3, 8, 8]) + value(12, "d", [1, 8, 8, 8]))
write("cycle.onnx", node("Add", ["x", "second"], ["first"]) + node("Relu", ["first"], ["second"])
      + value(11, "x", [1, 4]) + value(12, "second", [1, 4]))
write("unknown_operator.onnx", node("Relu", ["x"], ["y"]) + node("Frobnicate", ["y"], ["z"], domain="com.example")
      + value(11, "x", [1, 4]) + value(12, "z", [1, 4]), domain="com.example")

# Frames of 4 at one rate, of 8 at any other: neither branch fits the other's frames.
def branch(name, length):
    return (node("Add", ["frame", name + "_w"], [name + "_sum"]) + weights(name + "_w", [1, length])
            + field(2, name) + value(12, name + "_sum", [1, "length"]))


write("branches.onnx", node("Equal", ["rate", "fast"], ["is_fast"]) + integer("fast", 16000)
      + node("If", ["is_fast"], ["chosen"], graph_attribute("then_branch", branch("at_16k", 4))
             + graph_attribute("else_branch", branch("else", 8)))
      + node("Relu", ["chosen"], ["y"])
      + value(11, "frame", [1, "length"]) + value(11, "rate", [], 7) + value(12, "y", [1, "length"]))

# Two branches that share their input alone, each with enough to do that they can be seen to run at the same time.
def chain(name, n):
    out = b""
    for i in range(n):
        source = "image" if i == 0 else "%s%d" % (name, i - 1)
        out += node("Conv", [source, name + "_w" if i else name + "_w0"], ["%s%d" % (name, i)],
                    ints_attribute("pads", [1, 1, 1, 1]))
    return out + weights(name + "_w0", [16, 3, 3, 3]) + weights(name + "_w", [16, 16, 3, 3])


write("two_branches.onnx", chain("left", 6) + chain("right", 6) + node("Concat", ["left5", "right5"], ["both"], int_attribute("axis", 1))
      + value(11, "image", [1, 3, 48, 48]) + value(12, "both", [1, 32, 48, 48]))
