"""Times updates of the Python package soft-entropy and prints what it reports.

usage: reference.py Z LABELS N D SETS THREADS REPETITIONS CLOCK

Z: a file of float32 [N, D]; LABELS: a file of int64 [SETS, N]; CLOCK: a function of the module time. Prints a line for
each number of sets 0, 2, SETS and each dtype: sets, dtype, milliseconds of the fastest update, H(Z), I(X;Z) of each set.
Exit status 77 where the package cannot be imported.
"""
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "tests" / "estimator"))
from soft_entropy_reference import accumulator_class  # noqa: E402


def main():
    try:
        import numpy
        import torch

        reference = accumulator_class()
    except ImportError as error:
        print(str(error).splitlines()[0])
        return 77
    n, d, sets, threads, repetitions = map(int, sys.argv[3:8])
    clock = getattr(time, sys.argv[8])
    torch.set_num_threads(threads)
    values = torch.from_numpy(numpy.fromfile(sys.argv[1], dtype=numpy.float32).reshape(n, d))
    labels = torch.from_numpy(numpy.fromfile(sys.argv[2], dtype=numpy.int64).reshape(sets, n))
    for dtype in (torch.float32, torch.bfloat16):
        z = values.to(dtype)
        for count in (0, 2, sets):
            some = {f"set{i}": labels[i] for i in range(count)} or None
            best, results = float("inf"), {}
            for _ in range(repetitions if count > 2 else 5 * repetitions):
                accumulator = reference(d, n_bins=100, seed=0, backend="torch")
                start = clock()
                accumulator.update(z, labels=some)
                best = min(best, clock() - start)
            results = accumulator.results() if count else {"H(Z)": accumulator.entropy()}
            informations = [repr(float(results[f"I(X;Z)/set{i}"])) for i in range(count)]
            print(count, str(dtype).split(".")[1], 1000 * best, repr(float(results["H(Z)"])), *informations, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
