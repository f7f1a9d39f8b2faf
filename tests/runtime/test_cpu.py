"""The environment of child processes: bf16 must work in it, and a limit of the user is kept."""

import os
import subprocess
import sys

import pytest

from quotetune.runtime import cpu
from quotetune.runtime.cpu import child_environment

PRODUCT = """
from quotetune.runtime.cpu import apply_in_child
apply_in_child()
import torch
x = torch.ones(64, 64, dtype=torch.bfloat16)
print((x @ x)[0, 0].item(), torch.cpu._is_amx_tile_supported())
"""


def test_bf16_products_work_in_the_child():
    out = subprocess.run(
        [sys.executable, "-c", PRODUCT], env=child_environment(), capture_output=True, check=True
    )
    assert out.stdout.startswith(b"64.0 ")


@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_a_limit_of_the_user_is_kept_and_also_binds_vllm(name, monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setenv(name, "AVX2")
    assert child_environment() == dict(os.environ)
    out = subprocess.run(
        [sys.executable, "-c", PRODUCT], env=child_environment(), capture_output=True, check=True
    )
    assert out.stdout.split() == [b"64.0", b"False"]


@pytest.mark.parametrize(("kills", "limit"), [(True, "AVX512_CORE_BF16"), (False, "DEFAULT")])
def test_a_child_does_not_repeat_the_trial_of_its_parent(kills, limit, monkeypatch):
    trials = []
    monkeypatch.setattr(cpu, "advertises_amx", lambda: True)
    monkeypatch.setattr(cpu, "_bf16_kills", lambda: trials.append("tried") or kills)
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    environment = child_environment()
    assert environment["ONEDNN_MAX_CPU_ISA"] == limit
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert child_environment() == environment
    assert trials == ["tried"]
    assert cpu.onednn_may_use_amx(limit) is not kills
