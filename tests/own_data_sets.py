"""Small data sets of each published form, with sentences of our own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., tuple[int, str, str]]  # the status, standard output and error

ICE = "Ice is water that is frozen. It floats on a lake, because it is lighter."
TEA = "Tea is an infusion of leaves — a café calls it “thé” (茶)."
SALT = "Salt dissolves in water.\r\nA cook adds it to the pot."


def squad() -> dict[str, Any]:
    """Two articles with three paragraphs, one of them without questions."""
    return {
        "version": "v2.0",
        "data": [
            {
                "title": "Kitchen",
                "paragraphs": [
                    {
                        "context": ICE,
                        "qas": [
                            question("q1", "What floats on a lake?", ["Ice", "Ice", "ice"]),
                            question("q2", "Who drinks ice?", [], is_impossible=True),
                        ],
                    },
                    {"context": TEA, "qas": [question("q3", "¿Qué es el té?", ["“thé” (茶)"])]},
                ],
            },
            {
                "title": "Salt",
                "paragraphs": [
                    {"context": SALT, "qas": []},
                    {"context": ICE, "qas": [question(4, "What is ice?", ["frozen"])]},
                ],
            },
        ],
    }


def question(id: object, text: str, answers: list[str], **more: Any) -> dict[str, Any]:
    spans = [{"text": answer, "answer_start": 0} for answer in answers]
    return {"id": id, "question": text, "answers": spans, **more}


def nq(id: str, question: str, page: str, long: tuple[int, int], *short: tuple[int, int]) -> Any:
    """A record of NaturalQuestions as it is published, with one annotation.

    Tokens are the page's words and tags; one space is between them unless a word is ",".
    """
    tokens: list[dict[str, Any]] = []
    html = ""
    for word in page.split():
        html += "" if not html or word == "," else " "
        start = len(html.encode())
        html += word
        is_html = word.startswith("<")
        end = len(html.encode())
        tokens.append({"token": word, "html_token": is_html, "start_byte": start, "end_byte": end})
    return {
        "example_id": id,
        "question_text": question,
        "document_title": "Tea",
        "document_url": "//en.wikipedia.org/w/index.php?title=Tea",
        "document_html": html,
        "document_tokens": tokens,
        "annotations": [annotation(long, short)],
    }


def annotation(
    long: tuple[int, int], short: tuple[tuple[int, int], ...] = (), verdict: str = "NONE"
) -> dict[str, Any]:
    def span(pair: tuple[int, int]) -> dict[str, int]:
        return dict(zip(("start_token", "end_token"), pair, strict=True))

    return {
        "long_answer": span(long),
        "short_answers": [span(pair) for pair in short],
        "yes_no_answer": verdict,
    }


def of_the_hub(record: Any) -> dict[str, Any]:
    """The same record as the hub has it: records of lists, and numbers for yes and no."""

    def lists(rows: list[dict[str, Any]], keys: list[str]) -> dict[str, Any]:
        return {key: [row[key] for row in rows] for key in keys}

    tokens = [token | {"is_html": token["html_token"]} for token in record["document_tokens"]]
    span = ["start_token", "end_token"]
    annotations = [
        one
        | {
            "short_answers": lists(one["short_answers"], span),
            "yes_no_answer": {"NO": 0, "YES": 1, "NONE": -1}[one["yes_no_answer"]],
        }
        for one in record["annotations"]
    ]
    return {
        "id": record["example_id"],
        "question": {"text": record["question_text"]},
        "document": {
            "title": record["document_title"],
            "url": record["document_url"],
            "html": record["document_html"],
            "tokens": lists(tokens, ["token", "is_html", "start_byte", "end_byte"]),
        },
        "annotations": lists(annotations, ["long_answer", "short_answers", "yes_no_answer"]),
    }


def write_jsonl(path: Path, rows: list[Any], end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + end for row in rows)
    path.write_bytes(text.encode())
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def prepared(quotetune: Command, output: Path, *arguments: object) -> tuple[Any, Any, str]:
    """Run the command; return the prompts, the corpus and what it said."""
    code, shown, said = quotetune("prepare", *arguments, "-o", output)
    assert (code, shown) == (0, ""), said
    assert sorted(path.name for path in output.iterdir()) == ["corpus.jsonl", "prompts.jsonl"]
    return rows(output / "prompts.jsonl"), rows(output / "corpus.jsonl"), said


def named(source: str, *ids: str) -> list[dict[str, str]]:
    return [{"source": source, "id": id} for id in ids]
