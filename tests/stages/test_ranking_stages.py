"""The stages between samples and pairs: the list, the inputs of each, and a small run."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tiny_run
from quotetune.config import Config, ModelConfig
from quotetune.config.block import ReasoningConfig
from quotetune.pairing.candidates import GOLD
from quotetune.pairing.gold import write_gold
from quotetune.pipeline.preflight import check_inputs
from quotetune.pipeline.run import plan, stage_list
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import answer_of, token_length, write_part
from tiny_model import tiny_tokenizer

PREFERENCE = {
    "quip": {"weight": 2},
    "on_topic_quip": {},
    "long_quotes": {"min_chars": [2, 4]},
    "rarity": {},
    "reference_similarity": {},
    "answer_recall": {},
    "callables": {"mine": {"function": "own_taste:shorter"}},
}


def names(config, **changes):
    stages = stage_list(Config.model_validate({**config, **changes}))
    return [stage.name for stage in stages if stage.name.startswith("round-1/")]


class InterruptionError(Exception):
    pass


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A config with all criteria but the neural ones, and a judge whose replies are noise."""
    directory = tmp_path_factory.mktemp("inputs")
    config = tiny_run.write_inputs(directory)
    rows = [
        {"prompt": f"What is {i}?", "reference": f"the number {i}", "id": f"p{i}"}
        | ({"documents": [{"source": "documents", "id": str(i)}]} if i % 2 else {})
        | {"answers": [f"number {i}"] if i % 2 else []}
        for i in range(40)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "prompts.jsonl").write_text(text, encoding="utf-8")
    (directory / "own_taste.py").write_text(
        "def shorter(prompt, response, other):\n    return float(len(response) < len(other))\n"
    )
    judge = {
        "model": config["model"],
        "format": "text",
        "template": "{prompt} {first} {second}",
        "sampling": {"backend": "transformers", "max_tokens": 1, "chunk_prompts": 40},
    }
    return {
        **config,
        "candidates": {"gold": True},
        "preference": {**PREFERENCE, "judge": judge},
        "pairs": {
            **config["pairs"],
            "rule": "large_margin",
            "margin": 0.1,
            "delta_quip": None,
            "negatives": {"repetition": 0.9, "best_of_other_prompts": 1},
            "constraints": {"reference_similarity": {"worse_by": 0.5}},
        },
    }


@pytest.fixture(scope="module")
def ranked(inputs, tmp_path_factory):
    """A run up to its pairs, interrupted when its judge had given all replies."""
    import quotetune.pairing.judging
    from quotetune.pipeline.run import run

    config = {**inputs, "run": str(tmp_path_factory.mktemp("ranked") / "run")}
    loaded = Config.model_validate(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(inputs["prompts"]["path"]).parent)
        undisturbed = quotetune.pairing.judging.run_sampling

        def interrupted(*arguments, progress, **options):
            def report(now):
                progress(now)
                if now.done == now.parts:
                    raise InterruptionError

            undisturbed(*arguments, progress=report, **options)

        patch.setattr(quotetune.pairing.judging, "run_sampling", interrupted)
        with pytest.raises(InterruptionError):
            run(loaded, until="round-1/pair")
        patch.setattr(quotetune.pairing.judging, "run_sampling", undisturbed)
        part = Path(config["run"]) / "round-1" / "judge.partial" / "result" / "part-00000.parquet"
        config["first_part"] = part.stat().st_mtime_ns
        run(loaded, until="round-1/pair")
        yield config


def rows_of(config, *place):
    return pq.read_table(Path(config["run"], "round-1", *place)).to_pylist()


def test_plain_quote_tuning_has_no_further_stages(inputs):
    plain = {name: value for name, value in inputs.items() if name != "preference"}
    plain["candidates"] = {"gold": False}
    plain["pairs"] = {"rule": "widest_gap"}
    assert names(plain)[:4] == [f"round-1/{name}" for name in ("sample", "score", "pair", "train")]


def test_a_plain_run_of_an_earlier_version_is_not_paired_again(inputs):
    plain = {**inputs, "preference": None, "candidates": {}, "pairs": {"rule": "average"}}
    (pair,) = (
        stage for stage in stage_list(Config.model_validate(plain)) if stage.name == "round-1/pair"
    )
    # The settings in the stage.json of such a run.
    assert pair.settings == {
        "pairs.rule": "average",
        "pairs.delta_quip": 0.1,
        "pairs.delta_length": 0.1,
        "pairs.pairs_per_prompt": 1,
        "pairs.direction": "quote",
    }
    assert set(pair.inputs) == {"the samples", "the scores"}


def pair_settings(inputs, **pairs):
    config = Config.model_validate({**inputs, "preference": None, "candidates": {}, "pairs": pairs})
    (pair,) = (stage for stage in stage_list(config) if stage.name == "round-1/pair")
    return pair.settings


def test_random_partners_are_drawn_again_only_if_earlier_versions_drew_fewer_per_response(inputs):
    single = pair_settings(inputs, rule="random_partner")
    assert (single["pairs.rule"], single["pairs.pairs_per_prompt"]) == ("random_partner", 1)
    several = pair_settings(inputs, rule="random_partner", pairs_per_prompt=2)
    assert several["pairs.rule"] == "random_partner, several per response"


def test_bounds_that_are_not_set_are_not_in_the_settings(inputs):
    settings = pair_settings(
        inputs,
        rule="large_margin",
        margin=0.2,
        constraints={"perplexity": {"worse_by": 2}, "quip": {"worst_chosen": 0.5}},
    )
    # As in the stage.json of earlier versions, but for the bound that they did not have.
    assert settings == {
        "pairs.rule": "large_margin",
        "pairs.delta_quip": 0.1,
        "pairs.delta_length": 0.1,
        "pairs.margin": 0.2,
        "pairs.pairs_per_prompt": None,
        "pairs.direction": "quote",
        "pairs.constraints.perplexity.worse_by": 2.0,
        "pairs.constraints.quip.worst_chosen": 0.5,
    }


def test_pairs_over_the_best_of_other_prompts_stay_done_under_their_new_name(inputs):
    none = pair_settings(inputs, rule="average", negatives={"repetition": 0.5})
    negatives = {key: none[key] for key in none if "negatives" in key}
    # As in the stage.json of earlier versions, where `cross_prompt` was this number.
    assert negatives == {"pairs.negatives.repetition": 0.5, "pairs.negatives.cross_prompt": 0}
    ours = pair_settings(inputs, rule="average", negatives={"best_of_other_prompts": 2})
    assert (ours["pairs.negatives.cross_prompt"], ours["seed"]) == (2, 0)
    released = pair_settings(inputs, rule="average", negatives={"cross_prompt": {"trials": 5}})
    assert released["pairs.negatives.cross_prompt.trials"] == 5
    assert released["seed"] == 0


def test_each_measure_is_a_stage_of_its_own(inputs):
    assert names(inputs)[: names(inputs).index("round-1/pair") + 1] == [
        f"round-1/{name}"
        for name in (
            "sample",
            "gold",
            "score",
            "answer_recall",
            "long_quotes",
            "on_topic_quip",
            "rarity",
            "reference_similarity",
            "repetition",
            "judge",
            "pair",
        )
    ]


def test_a_run_ranks_by_all_criteria_and_says_what_it_found(ranked):
    candidates = rows_of(ranked, "pairs", "candidates.parquet")
    assert len(candidates) == 6 * (4 + 1)
    with_documents = [row for row in candidates if int(row["prompt_id"][1:]) % 2]
    for row in candidates:
        if row["quip"] is None:  # too short
            assert row["on_topic_quip"] is row["win_rate"] is None
            continue
        assert (row["on_topic_quip"] is None) == (row not in with_documents)
        assert 0 <= row["win_rate"] <= 1
        assert row["reference_similarity"] == (1.0 if row["sample"] == GOLD else 0.0)
        recalled = 1.0 if row["sample"] == GOLD else 0.0
        assert row["answer_recall"] == (recalled if row in with_documents else None)
    pairs = rows_of(ranked, "pairs", "pairs.parquet")
    crossed = [row for row in pairs if row["rejected_prompt_id"] != row["prompt_id"]]
    assert crossed
    for row in pairs:
        if row not in crossed:
            assert row["chosen_win_rate"] - row["rejected_win_rate"] >= 0.1
    statistics = json.loads(Path(ranked["run"], "round-1", "pairs", "pairs.json").read_text())
    assert statistics["gold"]["count"] == 6
    assert sum(statistics["preference"].values()) == pytest.approx(1)
    assert statistics["judge"]["comparisons"] == len(comparisons(ranked))


def comparisons(ranked):
    """Every two candidates of a prompt that are long enough to score and differ."""
    texts = [
        (row["prompt_id"], row["response"])
        for directory in ("samples", "gold")
        for part in sorted(Path(ranked["run"], "round-1", directory).glob("part-*.parquet"))
        for row in pq.read_table(part).to_pylist()
        if len(" ".join(row["response"].split())) >= 2
    ]
    return [(a, b) for a, b in combinations(texts, 2) if a[0] == b[0] and a[1] != b[1]]


def test_an_interrupted_judge_resumes_and_asks_nothing_twice(ranked):
    part = Path(ranked["run"], "round-1", "judge", "part-00000.parquet")
    assert part.stat().st_mtime_ns == ranked["first_part"]
    replies = [row for n in range(3) for row in rows_of(ranked, "judge", f"part-{n:05d}.parquet")]
    assert len(replies) == 2 * len(comparisons(ranked))
    asked = {row["prompt_id"] for row in replies}
    assert len(asked) == len(replies)


def touched(config, **changes):
    stages = stage_list(Config.model_validate({**config, **changes}))
    entries = plan([stage for stage in stages if stage.name.startswith("round-1/")])
    return {
        entry.name.removeprefix("round-1/"): entry.note
        for entry in entries
        if entry.todo is not False and "train" not in entry.name
    }


@pytest.mark.parametrize(
    ("block", "change", "expected"),
    [
        ("preference", {"quip": {"weight": 3}}, {"pair"}),
        ("preference", {"rarity": None}, {"pair"}),
        ("preference", {"length": {}}, {"pair"}),
        ("preference", {"long_quotes": {"min_chars": [3]}}, {"long_quotes", "pair"}),
        ("preference", {"perplexity": {}}, {"perplexity", "pair"}),
        ("preference", {"answerability": {}}, {"answerability", "pair"}),
        ("pairs", {"margin": 0.2}, {"pair"}),
        (
            "candidates",
            {"gold": False},
            {
                "score",
                "judge",
                "pair",
                "repetition",
                "rarity",
                "long_quotes",
                "on_topic_quip",
                "reference_similarity",
                "answer_recall",
            },
        ),
    ],
)
def test_a_changed_preference_does_again_only_what_it_touches(ranked, block, change, expected):
    config = {name: value for name, value in ranked.items() if name != "first_part"}
    changed = {**config[block], **change}
    found = touched(config, **{block: changed})
    assert set(found) - {"judge"} == expected - {"judge"}
    assert ("judge" in found) == ("judge" in expected)


def test_a_changed_function_of_the_users_own_pairs_again(ranked, inputs):
    config = {name: value for name, value in ranked.items() if name != "first_part"}
    source = Path(inputs["prompts"]["path"]).parent / "own_taste.py"
    text = source.read_text()
    source.write_text(text + "# another comment\n")
    try:
        assert touched(config) == {"pair": "again: preference.callables.mine.function has changed"}
    finally:
        source.write_text(text)
    assert touched(config) == {}


def test_what_the_config_needs_and_does_not_exist_is_named_before_any_work(inputs, tmp_path):
    from quotetune.config.validation import validate

    prompts = tmp_path / "prompts.jsonl"
    rows = [{"prompt": f"What is {i}?", "reference": None} for i in range(40)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        **{name: value for name, value in inputs.items() if name != "first_part"},
        "prompts": {"path": str(prompts), "heldout_fraction": 0.2},
        "preference": {
            **inputs["preference"],
            "callables": {"mine": {"function": "nowhere:f"}},
            "judge": {"model": {"path": "./no-judge"}},
        },
    }
    problems = {
        problem.key: problem.text for problem in check_inputs(Config.model_validate(config))
    }
    assert set(problems) == {
        "preference.on_topic_quip",
        "preference.reference_similarity",
        "preference.answer_recall",
        "pairs.constraints.reference_similarity",
        "candidates.gold",
        "preference.callables.mine.function",
        "preference.judge.model.path",
    }
    assert "no prompt has documents" in problems["preference.on_topic_quip"]
    rows[3]["documents"] = [{"source": "documents", "id": "no such"}]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    problems = {
        problem.key: problem.text for problem in check_inputs(Config.model_validate(config))
    }
    assert 'no document "no such"' in problems["preference.on_topic_quip"]
    _, wrong = validate(
        {
            **config,
            "preference": {
                "quip": {"weight": 0},
                "judge": {"model": {"path": "m"}, "template": "{first}"},
                "callables": {"quip": {"function": "a.b"}},
            },
            "pairs": {"rule": "large_margin", "quantile": 1},
        }
    )
    assert {problem.key for problem in wrong} == {
        "preference.quip.weight",
        "preference.judge",
        "preference.callables.quip.function",
        "pairs.quantile",
    }


@pytest.mark.parametrize(
    ("preference", "pairs", "key"),
    [
        ({}, {}, "preference"),
        (
            {"judge": {"model": {"path": "m"}, "sampling": {"n": 3}}},
            {},
            "preference.judge.sampling",
        ),
        (None, {"rule": "large_margin"}, "pairs"),
        (
            {"perplexity": {"model": {"path": "a"}}},
            {"constraints": {"perplexity": {"worse_by": 1, "model": {"path": "b"}}}},
            "pairs.constraints.perplexity.model",
        ),
    ],
)
def test_combinations_that_mean_nothing_are_refused(inputs, preference, pairs, key):
    from quotetune.config.validation import validate

    _, problems = validate({**inputs, "preference": preference, "pairs": pairs})
    assert [problem.key for problem in problems] == [key]


def gold_of(tmp_path, model, prompt, max_tokens=8, reasoning=None):
    """The candidate that a prompt's reference becomes."""
    tokenizer = tiny_tokenizer()
    shown = tokenizer(prompt.text or "chat")["input_ids"]
    (tmp_path / "samples").mkdir()
    response = Response("x", [5], "length")
    write_part(tmp_path / "samples", 0, [prompt.id], [Request(shown, 1)], [[response]])
    write_gold(
        [prompt],
        tmp_path / "samples",
        tmp_path / "gold",
        model=ModelConfig(path=str(model), reasoning=reasoning),
        max_tokens=max_tokens,
    )
    (row,) = pq.read_table(tmp_path / "gold" / "part-00000.parquet").to_pylist()
    assert row["prompt_token_ids"] == shown
    return row, tokenizer


def test_a_reference_ends_with_the_end_of_text_token(tmp_path, model):
    row, tokenizer = gold_of(tmp_path, model, Prompt("p", text="a b", reference=" and c"))
    assert row["token_ids"][-1] == tokenizer.eos_token_id
    assert tokenizer.decode(row["token_ids"][:-1]) == row["response"] == " and c"
    assert (row["sample"], row["finish_reason"]) == (GOLD, "stop")


@pytest.mark.parametrize("reference", ["12345678", "123456789"])
def test_a_reference_that_fills_the_limit_is_cut_like_a_sample(tmp_path, model, reference):
    messages = [{"role": "user", "content": "?"}]
    row, tokenizer = gold_of(tmp_path, model, Prompt("p", messages=messages, reference=reference))
    assert row["finish_reason"] == "length"
    assert len(row["token_ids"]) == 8
    assert tokenizer.decode(row["token_ids"]) == row["response"] == "12345678"


@pytest.mark.parametrize("length", [5, 40])
def test_a_reference_ends_the_thoughts_that_its_prompt_opens(tmp_path, model, length):
    reference = "a reference of many letters, and more of them"[:length]
    reasoning = ReasoningConfig(start="[t]", end="[/t]")
    for opens in (True, False):
        directory = tmp_path / str(opens)
        directory.mkdir()
        prompt = Prompt("p", text="Why? " + "[t]" * opens, reference=reference)
        row, tokenizer = gold_of(directory, model, prompt, 8, reasoning)
        text = reference[:8]
        assert answer_of(row) == text
        assert row["response"] == "[/t]\n\n" * opens + text
        assert token_length(row) == len(text)
        assert tokenizer.decode(row["token_ids"][row["answer_token"] :][: len(text)]) == text
        assert row["finish_reason"] == ("stop" if length < 8 else "length")


def test_a_run_is_moved_with_its_measures(ranked, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(ranked["run"], copy)
    config = {name: value for name, value in ranked.items() if name != "first_part"}
    assert touched({**config, "run": str(copy)}) == {}
