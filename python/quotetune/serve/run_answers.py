"""The answers about runs, as JSON values."""

from typing import Any, Literal

from quotetune.corpus.index import Index
from quotetune.pages.template_files import template_environment
from quotetune.prompts.prompt import Prompt
from quotetune.report.figures import figures_content
from quotetune.report.run_files import RunFiles
from quotetune.runs.layout import BASE
from quotetune.serve.element_tree import element_tree
from quotetune.serve.refusal import Refusal
from quotetune.serve.run_catalog import OpenRun, RunCatalog

MOST_PROMPTS = 100
_SHORT = 200  # characters of a prompt in a list
_IN_FIGURES = ("curves", "distributions", "pairs", "trainings", "looks", "times")

Json = dict[str, Any]
Order = Literal["split", "gain", "loss"]


def states(catalog: RunCatalog) -> list[Json]:
    """Say of each run whether it is finished."""
    return [{"name": name, "finished": catalog.is_finished(name)} for name in catalog.names]


def description(opened: OpenRun, index: tuple[str, Index] | None, in_work: bool) -> Json:
    """Describe a run: its rows, its figures, and the index in which its quotes are found.

    Args:
        opened: The run.
        index: The name and the index that it was measured with, if the server has it.
        in_work: Whether a stage of it is being made again.
    """
    files = opened.files
    known = index is not None
    if known not in opened.figures:
        opened.figures[known] = _figures(files, None if index is None else index[1])
    return {
        **opened.figures[known],
        "notes": [*_index_notes(index), *_work_notes(in_work)],
        "index": None if index is None else index[0],
        "prompts": len(files.prompts),
        "rows": [
            {"key": row.key, "label": row.label, "policy": row.key in _policies(opened)}
            for row in files.rows
            if row.key in opened.responses
        ],
        "tuned": files.tuned.key,
    }


def _figures(files: RunFiles, index: Index | None) -> Json:
    content = figures_content(files, index)
    environment = template_environment("quotetune.serve")
    headings = content["headings"]
    return {
        "title": content["title"],
        "lead": content["lead"],
        "facts": content["facts"],
        "sections": [
            *({"id": id, "heading": headings[id]} for id in ("results", "responses")),
            {"id": "table", "heading": "All metrics"},
            *({"id": id, "heading": headings[id]} for id in _IN_FIGURES if content[id]),
            {"id": "metrics", "heading": headings["metrics"]},
        ],
        "cards": element_tree(environment.get_template("run_cards.html").render(content)),
        "figures": element_tree(environment.get_template("run_figures.html").render(content)),
    }


def _index_notes(index: tuple[str, Index] | None) -> list[str]:
    if index is not None:
        return []
    return [
        "This run was measured with another index than those of this server, or with an earlier "
        "state of one. So no quotes are marked. Whoever runs the server can start it with the "
        "run’s index."
    ]


def _work_notes(in_work: bool) -> list[str]:
    if not in_work:
        return []
    return [
        "A part of this run is being made again, or was when the run was stopped. Until it ends, "
        "the numbers can be of other responses than those below."
    ]


def _policies(opened: OpenRun) -> set[str]:
    return {BASE, *opened.files.metrics["policies"]}


def prompts(opened: OpenRun, search: str, order: Order, start: int, count: int) -> Json:
    """List the held-out prompts that contain all words of a search, a page of them.

    Args:
        opened: The run.
        search: Words, in any case. A prompt contains one in its text or in its id.
        order: The order of the run's file, which is random, or that by the change in QUIP.
        start: How many to leave out.
        count: How many to list at most.
    """
    files = opened.files
    base = opened.responses[files.rows[0].key].quips()
    tuned = opened.responses[files.tuned.key].quips()
    words = search.casefold().split()
    found = [number for number, prompt in enumerate(files.prompts) if _contains(prompt, words)]
    if order != "split":
        sign = -1 if order == "gain" else 1
        ids = [prompt.id for prompt in files.prompts]
        found.sort(key=lambda at: sign * (tuned.get(ids[at], 0.0) - base.get(ids[at], 0.0)))
    return {
        "found": len(found),
        "start": start,
        "prompts": [
            {
                "number": number,
                "id": prompt.id,
                "text": _shortened(prompt.asked),
                "before": base.get(prompt.id),
                "after": tuned.get(prompt.id),
            }
            for number in found[start : start + count]
            for prompt in (files.prompts[number],)
        ],
    }


def _contains(prompt: Prompt, words: list[str]) -> bool:
    if not words:
        return True
    text = f"{prompt.last_message}\n{prompt.id}".casefold()
    return all(word in text for word in words)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def responses(opened: OpenRun, number: int, sample: int) -> Json:
    """Give a prompt, and one response of each row to it.

    A row that has only one response, as most baselines have, gives it beside any of the others.

    Args:
        opened: The run.
        number: The place of the prompt among the held-out ones, from 0.
        sample: The place of the response among those of a row to the prompt, from 0.

    Raises:
        Refusal: There is no such prompt or response.
    """
    all_prompts = opened.files.prompts
    if number >= len(all_prompts):
        raise Refusal(404, f"no such prompt: the run has {len(all_prompts)}")
    prompt = all_prompts[number]
    counts = {key: row.count(prompt.id) for key, row in opened.responses.items()}
    samples = max(counts.values())
    if sample >= max(samples, 1):
        raise Refusal(404, f"no such response: the prompt has {samples}")
    return {
        "number": number,
        "id": prompt.id,
        "text": prompt.last_message,
        "reference": prompt.reference,
        "samples": samples,
        "sample": sample,
        "responses": {
            key: _response(row.read(prompt.id, 0 if counts[key] == 1 else sample))
            for key, row in opened.responses.items()
        },
    }


def _response(row: Json | None) -> Json | None:
    if row is None:
        return None
    text = row["response"]
    return {
        "text": text,
        "quip": row["quip"],
        "longest": row["longest_quote"],
        "length": len(text),
        "cut": bool(row["cut"]),
    }
