"""The commands that build an index in shards with Slurm: a job array, and then what it makes."""

import shlex
from pathlib import Path

from quotetune.distributed.plan import Plan, parts_of


def slurm_script(plan: Plan, output: Path, threads: int) -> str:
    """Return a shell script that submits the build of a plan.

    Its tasks read the plan, so they build the same shards as tasks of Ray, wherever they start. A
    task whose shard exists does nothing, so the same script continues a build that ended early.

    Args:
        plan: The plan, which is stored beside the output.
        output: The index to make, or the list.
        threads: Threads of each task.
    """
    target = output.absolute()
    build = (
        f"#!/bin/bash\nexec quotetune build-planned {_quoted(parts_of(target))}"
        f' --shard "$SLURM_ARRAY_TASK_ID" --threads {threads}\n'
    )
    end = (
        f"#!/bin/bash\nexec quotetune build-planned {_quoted(parts_of(target))}"
        f" -o {_quoted(target)}\n"
    )
    return (
        "#!/bin/bash\n"
        "# Submits the shards of an index as a job array, and what follows when all are complete.\n"
        "# Run it again if a task failed: shards that exist are left as they are.\n"
        "set -e\n"
        f"build={shlex.quote(build)}\n"
        f"end={shlex.quote(end)}\n"
        f"array=$(sbatch --parsable --job-name=quotetune --array=1-{plan.shards}"
        f' --cpus-per-task={threads} <<< "$build")\n'
        f"sbatch --job-name=quotetune-end --cpus-per-task={threads}"
        ' --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes <<< "$end"\n'
    )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
