"""Where the Python package soft-entropy is: for the tests and the benchmarks that compare with it."""
import importlib.util
import sys
import types


def accumulator_class():
    spec = importlib.util.find_spec("soft_entropy")
    if spec is None:
        raise ImportError("no package soft_entropy for this python3")
    # The package's own __init__ imports its language-model part as well, which wants further packages.
    package = types.ModuleType("soft_entropy")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["soft_entropy"] = package
    from soft_entropy.accumulator import SoftEntropyAccumulator

    return SoftEntropyAccumulator
