"""Questions with passages become the prompts and the corpus that one writes by hand."""

from pathlib import Path

from own_data_sets import ICE, TEA, Command, named, prepared, write_jsonl


def test_passages(quotetune: Command, tmp_path: Path) -> None:
    leaf = {"text": TEA, "id": "d1", "title": "Tea", "url": "u"}
    records = [
        {"question": "What is tea?", "passages": [leaf, ICE], "answers": ["thé"], "level": 3},
        {"query": "And ice?", "context": ICE, "answer": "frozen", "id": 9, "topic": "ice"},
        {"prompt": "Tea again?", "passage": leaf, "reference": "It is tea."},
    ]
    path = write_jsonl(tmp_path / "own.jsonl", records)
    prompts, corpus, said = prepared(quotetune, tmp_path / "out", "passages", path)
    assert prompts == [
        {
            "id": "1",
            "prompt": "What is tea?",
            "answers": ["thé"],
            "documents": named("own", "d1", "#1"),
            "context": [TEA, ICE],
            "level": 3,
        },
        {
            "id": "9",
            "prompt": "And ice?",
            "answers": ["frozen"],
            "documents": named("own", "#1"),
            "context": [ICE],
            "topic": "ice",
        },
        {
            "id": "3",
            "prompt": "Tea again?",
            "documents": named("own", "d1"),
            "context": [TEA],
            "reference": "It is tea.",
        },
    ]
    assert corpus == [
        {"id": "d1", "source": "own", "text": TEA, "title": "Tea", "url": "u"},
        {"id": "#1", "source": "own", "text": ICE},
    ]
    assert said.endswith("3 prompts, 2 documents\n")


def test_yes_and_no_are_not_expected_in_a_passage(quotetune: Command, tmp_path: Path) -> None:
    records = [
        {"question": "Is tea hot?", "context": ICE, "answers": ["yes"]},
        {"question": "Is tea ice?", "context": ICE, "answers": ["no", "hot"]},
    ]
    path = write_jsonl(tmp_path / "own.jsonl", records)
    _, _, said = prepared(quotetune, tmp_path / "out", "passages", path)
    assert said.endswith(f"not in their passages: 1 answer (the first is that of {path}:2)\n")
