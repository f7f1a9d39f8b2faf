"""The environment of child processes that run a model on the CPU.

Some virtual machines advertise AMX in `/proc/cpuinfo` and hide the CPUID leaves that describe its
tiles. There oneDNN dies of an illegal instruction, and with it every bf16 matrix product of torch
and vLLM. The only way to find out is to try it in a process that may die.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_ONEDNN_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_WITHOUT_AMX = "AVX512_CORE_BF16"
_WITHOUT_LIMIT = "DEFAULT"
_BF16_PRODUCT = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import torch
x = torch.ones(64, 64, dtype=torch.bfloat16)
x @ x
"""


def child_environment() -> dict[str, str]:
    """Return the environment for a child process that imports torch.

    It is this process's environment. If the CPU advertises AMX and using it kills a process, oneDNN
    is limited to AVX-512. If it kills none, the environment says that there is no limit, because
    the trial imports torch, and the child's own children need not repeat it. A limit that the user
    has set is kept.

    Returns:
        All variables, for the `env` of `subprocess.Popen`.

    Example:
        >>> environment = child_environment()
        >>> environment["PATH"] == os.environ["PATH"]
        True
    """
    environment = dict(os.environ)
    limited = any(name in environment for name in _ONEDNN_LIMITS)
    if not limited and advertises_amx():
        environment["ONEDNN_MAX_CPU_ISA"] = _WITHOUT_AMX if _bf16_kills() else _WITHOUT_LIMIT
    return environment


def apply_in_child() -> None:
    """Make torch report AMX only if oneDNN may use it.

    vLLM chooses its own AMX kernels by torch's answer and ignores oneDNN's limit. Call this in the
    child before vLLM is imported.
    """
    if not onednn_may_use_amx(
        os.environ.get(_ONEDNN_LIMITS[0]) or os.environ.get(_ONEDNN_LIMITS[1])
    ):
        import torch

        torch.cpu._is_amx_tile_supported = lambda: False


def share_of_cores(environment: Mapping[str, str], sharing: int) -> dict[str, str]:
    """Return the environment of a process that shares the cores with others that do the same.

    A process takes all cores by default, and vLLM even ties its threads to them. What the user has
    set is kept.

    Args:
        environment: The environment without it.
        sharing: The number of these processes.

    Example:
        >>> share_of_cores({"OMP_NUM_THREADS": "3"}, 2)
        {'VLLM_CPU_OMP_THREADS_BIND': 'nobind', 'OMP_NUM_THREADS': '3'}
    """
    threads = max(1, available_cores() // sharing)
    own = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(threads)}
    return {**own, **environment}


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def onednn_may_use_amx(limit: str | None) -> bool:
    """Tell whether oneDNN may use AMX under a value of `ONEDNN_MAX_CPU_ISA`.

    Args:
        limit: The variable's value; None if it is not set.

    Returns:
        False only for a limit below AMX.

    Example:
        >>> onednn_may_use_amx(None), onednn_may_use_amx("AVX512_CORE_AMX")
        (True, True)
        >>> onednn_may_use_amx("avx512_core_bf16")
        False
    """
    if not limit:
        return True
    return "AMX" in limit.upper() or limit.upper() in ("DEFAULT", "ALL")


def advertises_amx() -> bool:
    """Tell whether the processor says that it has AMX, without loading torch."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and b"amx_bf16" in cpuinfo.read_bytes()


@cache
def _bf16_kills() -> bool:
    """Run a bf16 matrix product in a separate process; return whether that kills it."""
    trial = subprocess.run([sys.executable, "-c", _BF16_PRODUCT], capture_output=True, check=False)
    return trial.returncode in (-signal.SIGILL, -signal.SIGSEGV)
