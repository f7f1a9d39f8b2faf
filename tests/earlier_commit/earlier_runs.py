"""A finished run and two killed ones that an earlier commit made: this checkout resumes them."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from earlier_indexes import Check
from earlier_package import Outcome, Package

# What a run writes anew each time, even if all its stages are done.
REWRITTEN = (
    *(".lock", "config.yaml", "best", "curves.json", "metrics.json", "summary.md", "report.html"),
    *("heldout.jsonl", "*/adapter/README.md", "tensorboard/*/*"),
)
# Runs that are killed while they train: the stage before the training, the training's own stage,
# and the policy that it makes.
KILLED = {
    "absorbing": ("absorb/documents", "absorb/train", "absorbed"),
    "tuning": ("round-1/cite", "round-1/train", "round-1"),
}
WEIGHTS = "adapter/adapter_model.safetensors"
POLICIES = ("base", "absorbed", "round-1", "round-2", "best")
_ANSWER = ("--format", "jsonl", "--min-chars", 2)
# Two rounds, with absorbing, replay and citations; and enough steps for a kill between them.
_STEPS = {"per_device_train_batch_size": 2, "bf16": False, "save_steps": 1}
_SFT = {"learning_rate": 1e-2, "gradient_accumulation_steps": 1, "num_train_epochs": 10}
CHANGES: dict[str, Any] = {
    "rounds": 2,
    "replay": [0.5],
    "absorb": {
        "documents": "train_prompts",
        "format": "prompt_document",
        "limit": 8,
        "permutations": 1,
        "sft": {**_SFT, **_STEPS},
    },
    "prompts": {"train_limit": 10},
    "sampling": {"max_tokens": 100},
    "pairs": {"citations": {"most": 2}, "pairs_per_prompt": 4},
    "dpo": {"learning_rate": 1e-3, "num_train_epochs": 4},
}


def check_runs(directory: Path, earlier: Package, current: Package) -> Iterator[Check]:
    """Let the earlier package make runs, and the current one read and resume them.

    Args:
        directory: An empty directory.
        earlier: The package of the earlier commit.
        current: The package of this checkout.

    Yields:
        The checks.
    """
    _write_inputs(directory, earlier)
    finished, tuned = directory / "finished", directory / "tuning"
    train = ["train", f"{finished}.yaml"]
    before = [
        ["train", directory / f"{name}.yaml", "--until", stage]
        for name, (stage, *_) in KILLED.items()
    ]
    _, plan, *_ = earlier.succeed([train, [*train, "--dry-run"], *before], work_here=True)
    checkpoints = {name: _kill(directory, name, earlier) for name in KILLED}
    # Before this checkout writes the run's config with keys that the commit does not know.
    old = _read(finished, earlier, earlier.succeed)
    yield from _check_done(finished, plan.output, current)
    new = _read(finished, current, current.run)
    for what, answer in old.items():
        yield f"finished run: {what}", ", ".join(_lost(answer, new[what])) or None
    for name in KILLED:
        yield from _check_resumed(directory, name, checkpoints[name], current)
    [rest] = current.run([["train", f"{tuned}.yaml"]], work_here=True)
    yield "killed while tuning: the rest of the run works", rest.errors if rest.status else None
    for place in ("absorbed", "round-1", "round-2"):
        file = f"{place}/{WEIGHTS}"
        what = f"killed while tuning, then finished: {file} is that of a run that was not killed"
        yield what, _unlike(finished, tuned, file)
    whole, killed = (json.loads((run / "metrics.json").read_text()) for run in (finished, tuned))
    # The killed run has measured what only this checkout measures, too.
    lost = ", ".join(_lost(whole, killed)) or None
    yield "killed while tuning, then finished: the metrics of a run that was not killed", lost


def _write_inputs(directory: Path, package: Package) -> None:
    """Write a model, an index, prompts and the configs of all runs, as the commit's tests do."""
    package.python(
        "-c",
        "import json, sys, tiny_run; from pathlib import Path\n"
        "config = tiny_run.write_inputs(Path(sys.argv[1]), **json.loads(sys.argv[2]))\n"
        "Path(sys.argv[1], 'config.json').write_text(json.dumps(config))",
        directory,
        json.dumps(CHANGES),
    )
    config = json.loads((directory / "config.json").read_text())
    for name in ("finished", *KILLED):
        text = yaml.safe_dump({**config, "run": str(directory / name)})
        (directory / f"{name}.yaml").write_text(text)


def _kill(directory: Path, name: str, package: Package) -> int:
    """Start a training, kill it after a checkpoint, and return the steps of the newest one."""
    _, stage, place = KILLED[name]
    log = directory / f"{name}.log"
    process = package.start("train", directory / f"{name}.yaml", "--until", stage, log=log)
    work = directory / name / place / "training"
    while process.poll() is None and not _checkpoints(work):
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL or not (found := _checkpoints(work)):
        raise SystemExit(f"{stage} ended before it was killed:\n{log.read_text()}")
    return max(found)


def _checkpoints(work: Path) -> list[int]:
    """Return the steps of the checkpoints that are whole."""
    found = []
    for state in work.glob("checkpoint-*/trainer_state.json"):
        try:
            found.append(json.loads(state.read_text())["global_step"])
        except (ValueError, FileNotFoundError):  # it is being written or removed
            continue
    return found


def _check_done(run: Path, old_plan: str, current: Package) -> Iterator[Check]:
    """Check that a finished run samples, pairs and trains nothing again.

    Its samples may be measured again where a later format measures more; what was measured stays.
    """
    contents = {
        name: json.loads((run / name).read_text()) for name in ("metrics.json", "curves.json")
    }
    times = _times(run)
    command = ["train", f"{run}.yaml"]
    plan, again = current.run([[*command, "--dry-run"], command])
    stages = re.findall(r"^done +(\S+)$", old_plan, re.MULTILINE)
    assert len(stages) > 30, old_plan
    measured = r"to do +(?=\S+/metrics \(again: format of the metrics \d+ -> \d+\)$)"
    kept = re.findall(rf"^(?:done +|{measured})(\S+)", plan.output, re.MULTILINE)
    yield (
        f"finished run: the plan says that its {len(stages)} stages are done",
        None if kept == stages else plan.output + plan.errors,
    )
    yield "finished run: the same command works", again.errors if again.status else None
    touched = {path for path, _ in times.items() ^ _times(run).items()}
    others = {path for path in touched if not path.match("evaluation/*/metrics/*")}
    problem = ", ".join(sorted(map(str, others))) or None
    yield "finished run: no file but measures is made again, none is removed", problem
    for name, content in contents.items():
        lost = ", ".join(_lost(content, json.loads((run / name).read_text()))) or None
        yield f"finished run: all that {name} said", lost


def _lost(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Name the values of an old JSON document that are not at their places in a new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            yield from _lost(value, new.get(key), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, value in enumerate(old):
            yield from _lost(value, new[number], f"{place}[{number}]")
    elif old != new:
        yield f"{place}: was {old}, is now {new}"


def _times(run: Path) -> dict[Path, int]:
    """Return when the files of a run were written that are written once."""
    return {
        path.relative_to(run): path.lstat().st_mtime_ns
        for path in run.rglob("*")
        if not path.is_dir() and not any(path.relative_to(run).match(one) for one in REWRITTEN)
    }


def _read(run: Path, package: Package, do: Callable[..., list[Outcome]]) -> dict[str, Any]:
    """Return what the commands that read a finished run give, or the errors of one that fails."""
    measured = run.parent / "measured.json"
    measured.unlink(missing_ok=True)
    samples = [f"{name}={run}/evaluation/{name}/samples" for name in ("base", "round-2")]
    options = (*_ANSWER, *package.all_quotes)
    commands: list[list[object]] = [
        ["report", run],
        ["evaluate", *samples, "--config", f"{run}.yaml", "--best-of-n", 4, "-o", measured],
        *(["generate", run, "What is 7?", "--policy", name, *options] for name in POLICIES),
    ]
    report, evaluate, *answers = do(commands, work_here=True)
    shown = _shown((run / "report.html").read_text(encoding="utf-8"))
    found: dict[str, Any] = {
        "report shows the same responses and documents": report.errors if report.status else shown,
        "evaluate measures the same": evaluate.errors
        if evaluate.status
        else json.loads(measured.read_text()),
    }
    for policy, answer in zip(POLICIES, answers, strict=True):
        what = f"generate gives the same answer with {policy}"
        found[what] = answer.errors if answer.status else answer.output
    return found


def _shown(page: str) -> dict[str, Any]:
    """Return the responses of a report by prompt and row, whose quotes name their documents."""
    [text] = re.findall(r'id="responses-data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(text)
    rows = [row["key"] for row in data["rows"]]

    def named(places: list[Any]) -> list[Any]:
        """Put names into the places of a quote, of which the first ones have their surroundings."""
        found: list[Any] = []
        for place in places:
            document, *around = place if isinstance(place, list) else [place]
            found.append([data["documents"][document], *around])
        return found

    for prompt in data["prompts"]:
        for response in prompt["responses"]:
            for part in response["parts"]:
                for quote in part["q"] if isinstance(part, dict) else ():
                    quote[3:] = [named(quote[3])]
        prompt["responses"] = dict(zip(rows, prompt["responses"], strict=True))
        prompt["documents"] = [data["documents"][document] for document in prompt["documents"]]
    return {prompt["id"]: prompt for prompt in data["prompts"]}


def _check_resumed(
    directory: Path, name: str, checkpoint: int, current: Package
) -> Iterator[Check]:
    """Check that a killed training goes on at its checkpoint, and ends as one that was not."""
    _, stage, place = KILLED[name]
    log = directory / f"{name} resumed.log"
    command = ("train", directory / f"{name}.yaml", "--until", stage)
    status = current.start(*command, log=log).wait()
    text = log.read_text()
    yield f"killed while {name}: the same command goes on", text if status else None
    first = re.search(rf"{stage}: (\d+)/", text)
    steps = None if first is None else int(first[1])
    yield (
        f"killed while {name}: it goes on at checkpoint {checkpoint}",
        None if steps == checkpoint else f"it began at step {steps}:\n{text}",
    )
    yield (
        f"killed while {name}: the weights are those of a run that was not killed",
        _unlike(directory / "finished", directory / name, f"{place}/{WEIGHTS}"),
    )


def _unlike(one: Path, other: Path, name: str) -> str | None:
    if not (other / name).exists():
        return f"there is no {other / name}"
    return None if (one / name).read_bytes() == (other / name).read_bytes() else "other bytes"
