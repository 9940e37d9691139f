"""Times the update of the Python package soft-entropy on a GPU.

usage: reference_update.py N D

z is [N, D] bfloat16, with eight label sets of 64 to 8192 labels. Prints the milliseconds of the fastest of three
updates after one, or exits with status 77 and the reason on one line.
"""
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "tests" / "estimator"))
from soft_entropy_reference import accumulator_class  # noqa: E402


def main():
    try:
        import torch

        reference = accumulator_class()
    except ImportError as error:
        print(str(error).splitlines()[0])
        return 77
    if not torch.cuda.is_available():
        print("this python3's torch finds no CUDA device")
        return 77
    n, d = int(sys.argv[1]), int(sys.argv[2])
    z = torch.randn(n, d, device="cuda", dtype=torch.bfloat16)
    labels = {f"set{k}": torch.randint(64 << k, (n,)).numpy() for k in range(8)}
    accumulator = reference(d, n_bins=100, seed=0, backend="torch")
    best = float("inf")
    for i in range(4):
        torch.cuda.synchronize()
        start = time.perf_counter()
        accumulator.update(z, labels=labels)
        torch.cuda.synchronize()
        if i > 0:
            best = min(best, (time.perf_counter() - start) * 1e3)
    print(f"{best:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
