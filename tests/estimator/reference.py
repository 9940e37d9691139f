"""Prints what the Python package soft-entropy reports for a file of float32 representations.

usage: reference.py FILE N D M SEED

Labels are a = i mod 7 and b = (i^2 + 3i) mod 64. Exit status 77 and the reason on one line where the package or what it
needs is not importable.
"""
import sys

from soft_entropy_reference import accumulator_class


def main():
    try:
        import numpy
        import torch

        reference = accumulator_class()
    except ImportError as error:
        print(str(error).splitlines()[0])
        return 77
    path, (n, d, m, seed) = sys.argv[1], map(int, sys.argv[2:6])
    z = torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32).reshape(n, d))
    i = numpy.arange(n)
    accumulator = reference(d, n_bins=m, seed=seed, backend="torch")
    accumulator.update(z, labels={"a": i % 7, "b": (i * i + 3 * i) % 64})
    results = accumulator.results()
    print(repr(accumulator.temp), *(repr(float(results[key])) for key in ("H(Z)", "I(X;Z)/a", "I(X;Z)/b")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
