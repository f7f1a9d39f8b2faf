"""A config is validated as a whole, and every problem comes with its key and its remedy."""

from datetime import date

import pytest
import yaml

from quotetune.config import Config
from quotetune.config.file import apply_overrides, parse_yaml, read_yaml
from quotetune.config.validation import load_config, validate
from quotetune.errors import UsageError
from quotetune.pipeline.preflight import check_inputs

MINIMAL = {
    "run": "runs/a",
    "index": "data/index",
    "model": {"path": "owner/name"},
    "prompts": {"path": "data/prompts.jsonl"},
}


def problems_of(**changes):
    _, problems = validate({**MINIMAL, **changes})
    return {problem.key: problem.text for problem in problems}


def test_a_minimal_config_is_the_published_setting():
    config, problems = validate(MINIMAL)
    assert problems == []
    assert (config.sampling.n, config.sampling.temperature, config.sampling.top_p) == (
        32,
        1.0,
        0.95,
    )
    assert (config.pairs.rule, config.pairs.delta_quip) == ("random_partner", 0.1)
    assert config.evaluation_sampling.n == 1


def test_every_key_is_documented():
    def undocumented(model, above=""):
        for name, field in model.model_fields.items():
            if not field.description:
                yield above + name
            if hasattr(field.annotation, "model_fields"):
                yield from undocumented(field.annotation, f"{above}{name}.")

    assert list(undocumented(Config)) == []


def test_the_sides_of_the_split_leave_something_to_train_on():
    def problem(**keys):
        return problems_of(prompts={"path": "p", **keys})["prompts"]

    assert "set dev_fraction, or remove dev_limit" in problem(dev_limit=4)
    assert "leave nothing to train on" in problem(heldout_fraction=0.5, dev_fraction=0.5)
    assert problems_of(prompts={"path": "p", "heldout_fraction": 0.5, "dev_fraction": 0.4}) == {}


def test_all_problems_are_reported_together():
    problems = problems_of(
        sampling={"n": 4, "temperature": 0, "top_q": 1},
        pairs={"rule": "best", "delta_quip": "wide"},
        prompts={"template": "no place"},
        lora={"rank": 8},
        dpo={"learning_rat": 1, "output_dir": "x"},
        evaluation={"sampling": {"temprature": 1}},
        roundz=2,
    )
    assert set(problems) == {
        "sampling.top_q",
        "pairs.rule",
        "pairs.delta_quip",
        "prompts.path",
        "prompts.template",
        "lora.rank",
        "dpo.learning_rat",
        "dpo.output_dir",
        "roundz",
    }
    assert problems["roundz"] == "unknown key: did you mean rounds?"
    assert "did you mean top_p" in problems["sampling.top_q"]
    assert "'average'" in problems["pairs.rule"]
    assert "'wide'" in problems["pairs.delta_quip"]
    assert "learning_rate" in problems["dpo.learning_rat"]


def test_a_key_of_another_block_is_named():
    problems = problems_of(prompts={"path": "p", "chat_template_kwargs": {}}, delta_quip=0.1)
    assert problems["prompts.chat_template_kwargs"] == (
        "unknown key: there is model.chat_template_kwargs"
    )
    assert problems["delta_quip"] == "unknown key: there is pairs.delta_quip"


@pytest.mark.parametrize(
    ("changes", "key", "complaint"),
    [
        ({"sampling": {"n": 4, "temperature": 0}}, "sampling", "all responses"),
        ({"sampling": {"n": 1}}, "sampling.n", "a pair needs two"),
        (
            {"evaluation": {"sampling": {"topp": 1}}},
            "evaluation.sampling.topp",
            "did you mean top_p",
        ),
        (
            {"evaluation": {"sampling": {"temperature": 0}, "best_of_n": 4}},
            "evaluation.best_of_n",
            "temperature 0",
        ),
        ({"prompts": {"path": "p", "format": "text", "system": "s"}}, "prompts", "remove system"),
        ({"prompts": {"path": "p", "prefix_tokens": 3}}, "prompts", "remove prefix_tokens"),
        ({"replay": [0.3]}, "replay", "set rounds to 2"),
        ({"early_stop": True}, "early_stop", "set rounds to 2"),
        ({"best": {"criterion": "mauve"}}, "best.criterion", "set evaluation.mauve"),
        ({"best": {"criterion": "bart_score"}}, "best.criterion", "set evaluation.bart_score"),
        ({"best": {"criterion": "qiup"}}, "best.criterion", "'quip'"),
        ({"best": {"prefer": "lower"}}, "best.prefer", "set it to higher"),
        (
            {"best": {"prefer": "higher"}, "pairs": {"direction": "unquote"}},
            "best.prefer",
            "set it to lower",
        ),
        (
            {"best": {"criterion": "longest_quote", "prefer": "lower"}},
            "best.prefer",
            "longest_quote measures quoting and pairs.direction is quote",
        ),
        ({"absorb": {"sft": {"max_lenght": 9}}}, "absorb.sft.max_lenght", "mean max_length"),
        (
            {"absorb": {"sft": {"eos_token": "x"}}},
            "absorb.sft.eos_token",
            "run tokenises the documents",
        ),
        ({"absorb": {"lora": {"rank": 9}}}, "absorb.lora.rank", "has no such key"),
        ({"absorb": {"documnets": "all"}}, "absorb.documnets", "did you mean documents"),
        (
            {"evaluation": {"reward_accuracy": True}},
            "evaluation.reward_accuracy",
            "best_of_n to 2 or more",
        ),
        (
            {
                "prompts": {"path": "p", "format": "text"},
                "evaluation": {"baselines": ["according_to"]},
            },
            "evaluation.baselines",
            "needs a system message",
        ),
        (
            {"evaluation": {"sampling": {"temperature": 0}, "baselines": ["temperature_0"]}},
            "evaluation.baselines",
            "temperature_0 is the base model's own row here",
        ),
        (
            {"evaluation": {"sampling": {"temperature": 0.3}, "baselines": ["temperature_0.3"]}},
            "evaluation.baselines",
            "temperature_0.3 is the base model's own row here",
        ),
        ({"evaluation": {"baselines": ["unguided"]}}, "evaluation.baselines", "own row here"),
        (
            {"sampling": {"guide": {"mode": "never", "strength": [1, 2]}}},
            "sampling.guide",
            "has no bonus",
        ),
        (
            {"evaluation": {"perplexity": {"path": "m", "dtyp": "auto"}}},
            "evaluation.perplexity.dtyp",
            "did you mean dtype",
        ),
        ({"evaluation": {"lm_eval": {"tasks": []}}}, "evaluation.lm_eval.tasks", "1 or more"),
    ],
)
def test_impossible_combinations_are_refused(changes, key, complaint):
    problems = problems_of(**changes)
    assert list(problems) == [key]
    assert complaint in problems[key]


@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"guide": {"mode": "never"}}])
def test_greedy_and_guided_evaluations_are_possible(sampling):
    assert problems_of(evaluation={"sampling": sampling}) == {}


def test_a_guided_evaluation_has_baselines_without_the_guide():
    guided = {"temperature": 0, "guide": {}}
    named = ["temperature_0", "unguided"]
    assert problems_of(evaluation={"sampling": guided, "baselines": named}) == {}


def test_an_unknown_override_is_named_with_the_key_that_was_meant(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    assert load_config(path, ["pairs.delta_quip=5e-2"]).pairs.delta_quip == 0.05
    with pytest.raises(UsageError, match=r"pairs.delta_qip: unknown key: did you mean delta_quip"):
        load_config(path, ["pairs.delta_qip=1"])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a.b=3", 3),
        ("a.b=1e-6", 1e-6),
        ("a.b=null", None),
        ("a.b=[x, 2]", ["x", 2]),
        ("a.b=x=y", "x=y"),
        ("a.b=true", True),
        ("a.b=", None),
    ],
)
def test_override_values_are_yaml(override, expected):
    assert apply_overrides({"a": {"b": 0}}, [override]) == {"a": {"b": expected}}


def test_overrides_make_missing_blocks_and_leave_the_content_alone():
    content = {"lora": None, "pairs": {"rule": "average"}}
    changed = apply_overrides(content, ["lora.r=8", "dpo.beta=0.1", "pairs.rule=first_fit"])
    assert changed == {"lora": {"r": 8}, "dpo": {"beta": 0.1}, "pairs": {"rule": "first_fit"}}
    assert content == {"lora": None, "pairs": {"rule": "average"}}


@pytest.mark.parametrize("override", ["a", "=1", "a..b=1", "run.x=1", "a=[1"])
def test_an_impossible_override_is_named(override):
    with pytest.raises(UsageError, match="--set"):
        apply_overrides({"run": "r"}, [override])


def test_numbers_with_an_exponent_are_numbers_and_versions_are_not():
    assert parse_yaml("[5e-7, 1E3, 1.5e+2, .5e1, 1e]") == [5e-7, 1e3, 150.0, 5.0, "1e"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1\nb: 2", r"config.yaml:2: not YAML"),
        ("a: 1\nb: 2\na: 3", r"config.yaml:3: not YAML: the key a is repeated"),
        ("- a", "not a mapping"),
        ("", "not a mapping"),
    ],
)
def test_a_file_that_is_no_config_is_named_with_its_line(tmp_path, text, complaint):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        read_yaml(path)


def test_missing_files_are_problems_of_their_own_kind(tmp_path):
    config = Config.model_validate(
        {
            **MINIMAL,
            "index": str(tmp_path / "index"),
            "prompts": {"path": str(tmp_path / "prompts.jsonl")},
            "model": {"path": str(tmp_path / "model")},
        }
    )
    problems = {problem.key: problem for problem in check_inputs(config)}
    assert set(problems) == {"index", "prompts.path", "model.path"}
    assert all(problem.to_provide for problem in problems.values())
    assert "quotetune build-index" in problems["index"].text


def test_files_that_are_there_and_cannot_be_used_are_wrong(tmp_path):
    from quotetune import build_index

    (tmp_path / "model").mkdir()
    (tmp_path / "index").mkdir()
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "only one"}\n')
    blocks = {
        **MINIMAL,
        "index": tmp_path / "index",
        "prompts": {"path": tmp_path / "prompts.jsonl"},
        "model": {"path": str(tmp_path / "model")},
    }
    problems = {problem.key: problem for problem in check_inputs(Config.model_validate(blocks))}
    assert set(problems) == {"index", "prompts.path", "model.path"}
    assert not any(problem.to_provide for problem in problems.values())
    assert "prompts are left" in problems["prompts.path"].text

    build_index(["some text"], tmp_path / "bloom", structures=("bloom",))
    config = Config.model_validate({**blocks, "index": tmp_path / "bloom"})
    (problem,) = (problem for problem in check_inputs(config) if problem.key == "index")
    assert "no suffix index" in problem.text


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"preference": {"quip": {"weight": float("inf")}}}, {"preference.quip.weight"}),
        ({"preference": {"judge": {"model": {"path": "m"}, "comparisons": 0}}},
         {"preference.judge.comparisons"}),
        ({"absorb": {"lora": "no"}}, {"absorb.lora"}),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_the_key_as_it_is_written(block, expected):
    _, problems = validate({**MINIMAL, **block})
    assert {problem.key for problem in problems} == expected


def test_each_measure_needs_its_model_and_its_package(tmp_path, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    evaluation = {
        "perplexity": {"path": str(tmp_path / "scoring")},
        "bart_score": {"path": "owner/name"},
        "mauve": {"featurizer": str(tmp_path / "gpt2")},
        "lm_eval": {"tasks": ["x"], "include_path": str(tmp_path / "tasks")},
    }
    config = Config.model_validate({**MINIMAL, "evaluation": evaluation})
    problems = {p.key: p for p in check_inputs(config) if p.key.startswith("evaluation")}
    assert {key: problem.to_provide for key, problem in problems.items()} == dict.fromkeys(
        [
            "evaluation.perplexity.path",
            "evaluation.mauve",
            "evaluation.mauve.featurizer",
            "evaluation.lm_eval",
            "evaluation.lm_eval.include_path",
        ],
        True,
    )
    assert "install quotetune[measures]" in problems["evaluation.mauve"].text


def test_the_name_of_a_model_on_the_hub_is_not_a_missing_file():
    keys = [problem.key for problem in check_inputs(Config.model_validate(MINIMAL))]
    assert "model.path" not in keys


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"rounds": "two"}, "rounds", "should be a whole number, and is 'two'"),
        ({"rounds": 1.5}, "rounds", "should be a whole number, and is 1.5"),
        ({"rounds": 0}, "rounds", "should be above 0, and is 0"),
        ({"run": 5}, "run", "should be a path, and is 5"),
        ({"early_stop": "perhaps"}, "early_stop", "should be true or false, and is 'perhaps'"),
        ({"dpo": [1]}, "dpo.round-1", "should be a mapping of keys to values, and is 1"),
        ({"dpo": 1}, "dpo", "should be a mapping of keys to values, and is 1"),
        ({"sampling": 5}, "sampling", "should be a mapping of keys to values, and is 5"),
        ({"sampling": {"stop": "."}}, "sampling.stop", "should be a list, and is '.'"),
        ({"sampling": {"top_p": 2}}, "sampling.top_p", "should be 1 or less, and is 2"),
        ({"sampling": {"top_k": -1}}, "sampling.top_k", "should be 0 or more, and is -1"),
        ({"replay": [2.0]}, "replay.0", "should be 1 or less, and is 2.0"),
        ({"reference": "first"}, "reference", "should be 'previous' or 'base', and is 'first'"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_plain_words(changes, key, text):
    assert problems_of(**changes)[key] == text


def test_a_number_of_cross_prompt_pairs_is_refused_with_the_new_name_of_its_rule():
    problems = problems_of(pairs={"negatives": {"cross_prompt": 1}})
    assert list(problems) == ["pairs.negatives.cross_prompt"]
    assert "which best_of_other_prompts is now: rename the key" in str(problems)
    assert not problems_of(pairs={"negatives": {"cross_prompt": 0}})
    assert not problems_of(pairs={"negatives": {"cross_prompt": {"trials": 3}}})


def test_marks_of_thoughts_that_are_equal_are_refused():
    marks = {"start": "***", "end": "***"}
    problems = problems_of(model={"path": "m", "reasoning": marks})
    assert "start and end are both '***'" in problems["model.reasoning"]
    assert not problems_of(model={"path": "m", "reasoning": {"start": "<a>", "end": "</a>"}})


def test_equal_responses_are_refused_with_a_remedy_that_makes_pairs_possible():
    problems = problems_of(sampling={"temperature": 0})
    assert list(problems) == ["sampling"]
    assert problems["sampling"].startswith("n is 32, but at temperature 0 all responses")
    problems = problems_of(sampling={"temperature": 0, "n": 1})
    assert problems["sampling.n"].endswith("set it to 2 or more, and temperature above 0")
    problems = problems_of(sampling={"n": 1})
    assert problems["sampling.n"].endswith("set it to 2 or more")
    assert not problems_of(sampling={"temperature": 0.7}, evaluation={"sampling": {"n": 1}})


def test_a_date_for_a_chat_template_is_its_text_and_what_json_lacks_is_refused():
    content = parse_yaml(
        "{path: m, chat_template_kwargs: {day: 2024-07-26, more: {days: [2024-07-27]}}}"
    )
    config, problems = validate({**MINIMAL, "model": content})
    assert problems == []
    assert config.model.chat_template_kwargs == {
        "day": "2024-07-26",
        "more": {"days": ["2024-07-27"]},
    }
    for text, said in (
        ("2024-07-26 10:00:00", "x is datetime.datetime(2024, 7, 26, 10, 0), which JSON does not"),
        ("!!set {a, b}", "which JSON does not have: write a text"),
        ("!!binary aGk=", "x is b'hi', which JSON does not have"),
        (".nan", "x is nan: set it to a finite number"),
        ("[.inf]", "x is inf: set it to a finite number"),
        ("{y: .nan}", "x.y is nan"),
    ):
        value = parse_yaml(text)
        problems = problems_of(model={"path": "m", "chat_template_kwargs": {"x": value}})
        assert said in problems["model.chat_template_kwargs"]
        problems = problems_of(sampling={"engine": {"x": value}})
        assert said in problems["sampling.engine"]


def test_a_library_that_changes_how_yaml_reads_dates_changes_no_config(monkeypatch):
    constructors = yaml.SafeLoader.yaml_constructors
    of_texts = constructors["tag:yaml.org,2002:str"]
    monkeypatch.setitem(constructors, "tag:yaml.org,2002:timestamp", of_texts)
    assert yaml.safe_load("2024-07-26") == "2024-07-26"
    assert parse_yaml("2024-07-26") == date(2024, 7, 26)
