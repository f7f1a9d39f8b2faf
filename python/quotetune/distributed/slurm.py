"""The commands that build an index in shards with Slurm: a job array, then the merge."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.distributed.plan import Plan, parts_of


def slurm_script(plan: Plan, inputs: Sequence[str], output: Path, threads: int) -> str:
    """Return a shell script that submits the build of a plan.

    A task whose shard exists does nothing, so the same script continues a build that ended early.

    Args:
        plan: The plan, which is stored beside the output.
        inputs: What the user named.
        output: The index to make, or the list.
        threads: Threads of each task.
    """
    parts = parts_of(output)
    options = shlex.join(_options(plan.options | plan.filter))
    names = shlex.join(inputs)
    build = (
        f'printf -v shard "%s/shard-%05d-of-{plan.shards:05}" {shlex.quote(str(parts))}'
        ' "$SLURM_ARRAY_TASK_ID"\n'
        '[ -e "$shard" ] || quotetune build-index '
        f'{names} -o "$shard" --shard "$SLURM_ARRAY_TASK_ID/{plan.shards}"'
        f" --threads {threads} {options}"
    )
    end = _list_of(plan, parts, output) if plan.is_list else _merge(plan, parts, output)
    return (
        "#!/bin/bash\n"
        "# Submits the shards of an index as a job array, and what follows when all are complete.\n"
        "# Run it again if a task failed: shards that exist are left as they are.\n"
        "set -e\n"
        f"build=$(cat <<'END'\n#!/bin/bash\n{build}\nEND\n)\n"
        f"end=$(cat <<'END'\n#!/bin/bash\nset -e\n{end}\nEND\n)\n"
        f"array=$(sbatch --parsable --job-name=quotetune --array=1-{plan.shards}"
        f' --cpus-per-task={threads} <<< "$build")\n'
        'sbatch --job-name=quotetune-end --dependency="afterok:${array%%;*}"'
        ' --kill-on-invalid-dep=yes <<< "$end"\n'
    )


def _merge(plan: Plan, parts: Path, output: Path) -> str:
    limit = plan.options.get("memory_limit")
    memory = f" --memory-limit {limit}" if limit else ""
    where = shlex.quote(str(parts))
    target = shlex.quote(str(output))
    return f"quotetune merge {where}/shard-*-of-{plan.shards:05} -o {target}{memory}\nrm -r {where}"


def _list_of(plan: Plan, parts: Path, output: Path) -> str:
    names = [f"{parts.name}/{plan.shard_name(number)}" for number in range(1, plan.shards + 1)]
    listed = ", ".join(f'"{name}"' for name in names)
    return f"echo {shlex.quote(f'[{listed}]')} > {shlex.quote(str(output))}"


def _options(options: dict[str, Any]) -> list[str]:
    """Write the arguments of `build_index` as options of the command."""
    written = []
    for name, value in options.items():
        if value is None or value == []:
            continue
        text = ",".join(value) if isinstance(value, list) else str(value)
        option = "-n" if name == "n" else "--" + name.replace("_", "-")
        written += [option, text]
    return written
