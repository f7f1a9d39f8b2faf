"""`quotetune train` and its single steps, on the command line."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

import tiny_run
from command import quotetune
from quotetune import sampling
from quotetune.cli import run_config
from quotetune.config import ModelConfig
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part

CONFIGS = [
    path
    for path in sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
    if not path.stem.startswith(("accelerate", "grpo"))  # those are for `launch`, and for TRL
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_passes_a_dry_run_where_its_files_are_not_there(
    config, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    assert quotetune("train", config, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("to provide: index: data/") for line in lines)
    assert any(line.startswith("to do  round-1/train (needs ") for line in lines)
    assert "to do  prompts (no result yet)" in lines
    lora = yaml.safe_load(config.read_text()).get("lora")
    assert any(line.startswith("note: all weights are trained") for line in lines) == (lora is None)
    assert list(tmp_path.iterdir()) == []


def test_a_config_that_is_not_there_is_named_once(tmp_path, capsys):
    config = tmp_path / "nope.yaml"
    assert quotetune("train", config, "--dry-run") == 2
    error = capsys.readouterr().err
    assert error.count(str(config)) == 1 and "No such file or directory" in error


def test_a_plan_says_that_all_weights_are_trained(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    demo = next(path for path in CONFIGS if path.stem == "demo")
    content = yaml.safe_load(demo.read_text())
    del content["lora"]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(content))
    line = "all weights are trained, since {}: set lora: {{}} to train an adapter\n"
    assert quotetune("train", config, "--dry-run") == 0
    assert line.format("lora is not set") in capsys.readouterr().out
    assert quotetune("train", config, "--dry-run", "--set", "lora=null") == 0
    assert line.format("lora is null") in capsys.readouterr().out
    assert quotetune("train", demo, "--dry-run") == 0
    assert "all weights" not in capsys.readouterr().out


def test_a_run_prints_the_notices_of_its_plan(monkeypatch, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    content = tiny_run.write_inputs(tmp_path, lora=None, dpo={"max_length": 8})
    config.write_text(yaml.safe_dump(content))
    monkeypatch.setattr("quotetune.pipeline.run.run", lambda *_: None)
    for option in ([], ["--dry-run"]):
        assert quotetune("train", config, *option) == 0
        shown = "".join(capsys.readouterr())
        assert "note: all weights are trained, since lora is null: " in shown
        assert "note: dpo.max_length: is 8, and a response has up to " in shown


def test_a_refused_run_names_all_files_that_are_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    config = next(path for path in CONFIGS if path.stem == "demo")
    assert quotetune("train", config) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {config}: 3 problems\n")
    for key in ("model.path", "prompts.path", "index"):
        assert f"\n  {key}: data/demo/" in error
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_finds_what_is_wrong(tmp_path, capsys):
    config = next(path for path in CONFIGS if path.stem == "demo")
    assert quotetune("train", config, "--dry-run", "--set", "pairs.ruel=average") == 2
    assert "pairs.ruel: unknown key: did you mean rule?" in capsys.readouterr().err
    assert quotetune("train", config, "--dry-run", "--until", "tune") == 2
    assert "--until tune: there is no such stage" in capsys.readouterr().err
    assert quotetune("train", tmp_path / "no.yaml") == 2
    assert "no.yaml: cannot be read" in capsys.readouterr().err


def test_a_dry_run_reads_the_prompts_once(monkeypatch, tmp_path, capsys):
    from quotetune.prompts import reading as prompt_reading

    preference = {"reference_similarity": {}}
    config = tiny_run.write_inputs(tmp_path, preference=preference, pairs={"delta_quip": None})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    read = []

    def read_prompts(path, *settings):
        read.append(path)
        return original(path, *settings)

    original = prompt_reading.read_prompts
    monkeypatch.setattr(prompt_reading, "read_prompts", read_prompts)
    assert quotetune("train", path, "--dry-run") == 0
    assert read == [tmp_path / "prompts.jsonl"]
    assert "prompts: 6 to train on, 4 held out" in capsys.readouterr().out


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """An index, and samples of two prompts, one of which gives a pair under any rule."""
    from quotetune import build_index

    directory = tmp_path_factory.mktemp("samples")
    build_index(["The cat sat on the mat, and then it slept."], directory / "index", n=5)
    drawn = [
        [("The cat sat on the mat", "length"), ("No cat ever sat on one", "length")],
        [("xyz", "stop"), ("The cat sat on the mat", "length")],
    ]
    (directory / "parts").mkdir()
    responses = [
        [
            Response(text, [*range(22), 0] if end == "stop" else [*range(22)], end)
            for text, end in row
        ]
        for row in drawn
    ]
    requests = [Request([1], 10), Request([1], 20)]
    write_part(directory / "parts", 0, ["a", "b"], requests, responses)
    return directory


def test_pair_scores_samples_and_says_what_became_of_every_prompt(samples, tmp_path, capsys):
    output = tmp_path / "pairs"
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", output]
    assert quotetune(*arguments, "--set", "pairs.rule=average") == 0
    shown = capsys.readouterr().out
    assert "1 of 2 prompts gave 1 pair;" in shown
    assert "1 fewer than two responses long enough to score" in shown
    (pair,) = pq.read_table(output / "pairs.parquet").to_pylist()
    assert (pair["prompt_id"], pair["chosen_sample"], pair["rejected_sample"]) == ("a", 0, 1)
    assert (pair["chosen_length"], pair["rejected_length"]) == (22, 22)
    statistics = json.loads((output / "pairs.json").read_text())
    assert statistics["samples"]["too_short"] == 1
    assert statistics["samples"]["cut"] == 0.75
    assert quotetune(*arguments) == 2
    assert "exists already" in capsys.readouterr().err


def test_pair_takes_index_and_seed_from_a_config_unless_given(samples, tmp_path, capsys):
    """One response quotes; the rejected one is drawn from the others."""
    texts = ["The cat sat on the mat", *(f"No cat ever sat on one {i}" for i in "abcdefg")]
    (tmp_path / "parts").mkdir()
    drawn = [[Response(text, [*range(22)], "length") for text in texts]]
    write_part(tmp_path / "parts", 0, ["a"], [Request([1], 10)], drawn)

    def rejected(name: str, *arguments: object) -> int:
        output = tmp_path / name
        wanted = ["--set", "pairs.rule=random_partner", "--set", "pairs.delta_length=3"]
        assert quotetune("pair", tmp_path / "parts", "-o", output, *wanted, *arguments) == 0
        (pair,) = pq.read_table(output / "pairs.parquet").to_pylist()
        return pair["rejected_sample"]

    index = samples / "index"
    by_seed = {n: rejected(f"seed-{n}", "--index", index, "--seed", n) for n in range(4)}
    seed = next(n for n in by_seed if by_seed[n] != by_seed[0])
    assert rejected("no-seed", "--index", index) == by_seed[0]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"seed": seed, "index": str(index)}))
    assert rejected("config", "--config", config) == by_seed[seed]
    assert rejected("both", "--config", config, "--seed", 0) == by_seed[0]
    capsys.readouterr()
    config.write_text("seed: soon\n")
    arguments = ["pair", tmp_path / "parts", "-o", tmp_path / "none", "--config", config]
    assert quotetune(*arguments) == 2
    assert "no index is given: name it with --index" in capsys.readouterr().err
    assert quotetune(*arguments, "--index", index) == 2
    assert "seed: is 'soon': set it to an integer" in capsys.readouterr().err


def test_a_file_of_prompts_is_read_as_a_run_reads_it(samples, tmp_path):
    from quotetune.cli.run_config import prompts_named
    from quotetune.errors import UsageError
    from quotetune.prompts.prompt import write_prompts

    path, index = tmp_path / "prompts.jsonl", samples / "index"
    own = [{"source": "documents", "id": "0"}]
    path.write_text(json.dumps({"prompt": "Who?", "documents": own}) + "\n")
    content = {"model": {}, "sampling": {}, "prompts": {"format": "text"}}
    assert [prompt.text for prompt in prompts_named(path, content, index)] == ["Who?"]
    content["prompts"]["context"] = {"source": "documents"}
    prompts = prompts_named(path, content, index)
    passage = "The cat sat on the mat, and then it slept."
    assert [prompt.text for prompt in prompts] == [f"{passage}\n\nWho?"]
    write_prompts(tmp_path / "written.parquet", prompts)
    assert prompts_named(tmp_path / "written.parquet", content, index) == prompts
    content["prompts"] = {"format": "text", "prefix_tokens": 3}
    with pytest.raises(UsageError, match=r"model\.path: is required"):
        prompts_named(path, content, index)


def test_samples_without_a_valid_pair_are_an_error_that_says_why(samples, tmp_path, capsys):
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", tmp_path / "pairs"]
    assert quotetune(*arguments, "--set", "pairs.delta_quip=0.99") == 1
    error = capsys.readouterr().err
    assert "no pair from 2 prompts: " in error
    assert "1 no gap in QUIP above delta_quip" in error
    assert list(tmp_path.iterdir()) == []


def test_a_single_step_refuses_the_keys_of_another(samples, tmp_path, capsys):
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", tmp_path / "pairs"]
    assert quotetune(*arguments, "--set", "dpo.beta=1") == 2
    assert "reads pairs, preference, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        (["preference.judge.model.path=./nowhere"], "preference.judge.model.path"),
        (["preference.perplexity.model.path=./nowhere"], "preference.perplexity.model.path"),
        (["pairs.constraints.bart_score={worse_by: 1, model: {path: ./nowhere}}"],
         "pairs.constraints.bart_score.model.path"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_there_is_named_by_its_key_before_any_work(
    samples, tmp_path, capsys, changes, key
):
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", tmp_path / "pairs"]
    assert quotetune(*arguments, *(word for change in changes for word in ("--set", change))) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {key}: ./nowhere: there is no such directory")


def test_evaluate_prints_a_table_and_writes_the_metrics(samples, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"id": "a", "prompt": "A?", "reference": "the cat sat"}, {"id": "b", "prompt": "B?"}]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["evaluate", samples / "parts", "--index", samples / "index", "--prompts", prompts]
    output = tmp_path / "metrics.json"
    assert quotetune(*arguments, "--best-of-n", 2, "-o", output) == 0
    heading, row, best, reference = capsys.readouterr().out.splitlines()
    assert heading.startswith("\tQUIP\t")
    assert row.startswith("responses\t")
    assert best.startswith("best of n\t100.0%")
    assert reference.startswith("reference\t")
    metrics = json.loads(output.read_text())
    assert metrics["prompts"] == 2
    assert metrics["best_of_n"]["quip"] == 1.0
    assert metrics["metrics"]["cut"] == 0.75


def test_evaluate_compares_files_of_responses_with_the_first(samples, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "What sat?"}\n{"id": "b", "prompt": "Who slept?"}\n')
    quoting, other = "The cat sat on the mat", "No cat ever sat on one"
    rows = [
        {"prompt": " what  SAT?", "response": other},
        {"prompt": [{"role": "user", "content": "Who slept?"}], "response": quoting},
        {"id": "b", "response": other},
    ]
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["evaluate", f"ours={samples / 'parts'}", theirs, "--index", samples / "index"]
    output = tmp_path / "metrics.json"
    assert quotetune(*arguments, "--prompts", prompts, "-o", output) == 0
    captured = capsys.readouterr()
    _, first, second = captured.out.splitlines()
    assert first.startswith("ours\t")
    assert second.startswith("theirs\t")
    metrics = json.loads(output.read_text())
    assert list(metrics["rows"]) == ["ours", "theirs"]
    naive = []
    for row in rows:
        windows = [row["response"][i : i + 5] for i in range(len(row["response"]) - 4)]
        found = [window in "The cat sat on the mat, and then it slept." for window in windows]
        naive.append(sum(found) / len(found))
    assert metrics["rows"]["theirs"]["quip"] == pytest.approx(sum(naive) / 3)
    assert metrics["rows"]["theirs"]["length_tokens"] is None
    difference = metrics["rows"]["theirs"]["quip"] - metrics["rows"]["ours"]["quip"]
    low, high = metrics["intervals"]["theirs"]["quip"]
    assert low <= difference <= high
    shown = f"{100 * difference:+.1f}".replace("-", "−")
    assert f"theirs - ours: QUIP {shown} points" in captured.err


def test_evaluate_says_that_responses_to_other_prompts_are_not_compared(samples, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "What sat?"}\n{"id": "b", "prompt": "Who slept?"}\n')
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "{name}", "response": "The cat sat"}}\n')
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    arguments = ["evaluate", *files, "--index", samples / "index", "--prompts", prompts]
    assert quotetune(*arguments) == 0
    assert "b - a: no prompt in common\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "c", "response": "x"}', "id 'c' is not among the 2 prompts"),
        ('{"prompt": "Z?", "response": "x"}', "its prompt is not among the 2 prompts"),
        ('{"response": "x"}', 'neither "id" nor "prompt" names a prompt'),
        ('{"id": "a"}', 'no text under the key "response"'),
        ("", "responses.jsonl: no responses: write one per line"),
    ],
)
def test_evaluate_names_the_line_that_is_no_response(line, message, samples, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": "a", "prompt": "A?"}\n{"id": "b", "prompt": "B?"}\n')
    responses = tmp_path / "responses.jsonl"
    responses.write_text(line + "\n")
    arguments = ["evaluate", f"r={responses}", "--index", samples / "index", "--prompts", prompts]
    assert quotetune(*arguments) == 2
    assert message in capsys.readouterr().err


def test_evaluate_requires_a_different_name_for_every_row(samples, capsys):
    parts, prompts = samples / "parts", samples / "asked.jsonl"
    prompts.write_text('{"prompt": "a"}\n')
    for rows, complaint in (
        ([parts, parts], "two rows have the name parts"),
        ([f"reference={parts}"], "another row has the name reference"),
    ):
        arguments = ["evaluate", *rows, "--index", samples / "index", "--prompts", prompts]
        assert quotetune(*arguments) == 2
        assert complaint in capsys.readouterr().err


def test_evaluate_samples_a_model_with_the_runs_evaluation_settings(monkeypatch, tmp_path):
    """The command passes the right arguments to sampling; no engine is started."""

    config = tiny_run.write_inputs(tmp_path, seed=7, evaluation={"sampling": {"max_tokens": 9}})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    called = {}

    def run_sampling(prompts, output, **options):
        called.update(options)
        output.mkdir()
        drawn = [[Response("abc", [5, 6, 7], "length")] for _ in prompts]
        requests = [Request([1], number) for number in range(len(prompts))]
        write_part(output, 0, [prompt.id for prompt in prompts], requests, drawn)

    monkeypatch.setattr(sampling, "run_sampling", run_sampling)
    arguments = ["evaluate", "--config", path, "--prompts", tmp_path / "prompts.jsonl"]
    assert quotetune(*arguments, "--model", "other") == 2  # no directory for the samples
    arguments += ["--model", "other", "--adapter", tmp_path / "tuned"]
    assert quotetune(*arguments, "--samples", tmp_path / "drawn") == 0
    assert called["model"].path == "other"
    assert called["adapter"] == tmp_path / "tuned"
    assert (called["seed"], called["round"]) == (7, 0)
    assert (called["sampling"].n, called["sampling"].max_tokens) == (1, 9)
    own = ["--samples", tmp_path / "others", "--set", "evaluation.seed=5"]
    assert quotetune(*arguments, *own) == 0
    assert called["seed"] == 5


@pytest.mark.parametrize(
    ("options", "model", "adapter"),
    [
        ([], "own", "start"),
        (["--adapter", "tuned"], "own", "tuned"),
        (["--set", "model.adapter=other"], "own", "other"),
        (["--set", "model.adapter=other", "--adapter", "tuned"], "own", "tuned"),
        (["--set", "model.adapter=null"], "own", None),
        (["--model", "else"], "else", None),
        (["--model", "else", "--set", "model.adapter=other"], "else", "other"),
        (["--model", "else", "--adapter", "tuned"], "else", "tuned"),
    ],
)
def test_a_policy_is_the_one_of_the_options_else_the_base_policy_of_the_config(
    monkeypatch, tmp_path, options, model, adapter
):

    config = tiny_run.write_inputs(tmp_path)
    config["model"] = {"path": "own", "adapter": "start"}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    called = []

    def run_sampling(prompts, output, **options):
        called.append((options["model"].path, options["adapter"]))
        output.mkdir()
        requests = [Request([1], number) for number in range(len(prompts))]
        drawn = [[Response("abc", [5], "length")] for _ in prompts]
        write_part(output, 0, [prompt.id for prompt in prompts], requests, drawn)

    monkeypatch.setattr(sampling, "run_sampling", run_sampling)
    prompts = tmp_path / "prompts.jsonl"
    assert quotetune("sample", prompts, "-o", tmp_path / "s", "--config", path, *options) == 0
    expected = (model, adapter and Path(adapter))
    assert called == [expected]
    if "--model" in options or "--adapter" in options:
        arguments = ["evaluate", "--prompts", prompts, "--samples", tmp_path / "e"]
        assert quotetune(*arguments, "--config", path, *options) == 0
        assert called == [expected, expected]


def test_sample_without_a_model_or_with_one_that_is_not_there_says_so_at_once(tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "a"}\n')
    arguments = ["sample", prompts, "-o", tmp_path / "parts"]
    assert quotetune(*arguments) == 2
    assert "no model is given" in capsys.readouterr().err
    assert quotetune(*arguments, "--model", "./nowhere") == 2
    assert "./nowhere: there is no such directory" in capsys.readouterr().err
    grounded = ["--model", "a/b", "--set", "prompts.context.source=bm25"]
    assert quotetune(*arguments, *grounded) == 2
    assert "prompts.context: sample opens no index" in capsys.readouterr().err


def test_sample_reads_the_prompts_that_a_run_wrote(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(sampling, "run_sampling", lambda prompts, *_, **__: drawn.extend(prompts))
    monkeypatch.setattr(run_config, "policy_named", lambda *_: (ModelConfig(path="m"), None))
    written = [Prompt(id="a", messages=[{"role": "user", "content": "A?"}], passages=["of a"])]
    write_prompts(tmp_path / "heldout.parquet", written)
    arguments = ["sample", tmp_path / "heldout.parquet", "-o", tmp_path / "s", "--model", "m"]
    # The passages are in the prompts, so their settings are not asked.
    assert quotetune(*arguments, "--set", "prompts.context.source=bm25") == 0
    assert drawn == written


@pytest.mark.usefixtures("without_children")
def test_sample_draws_responses_to_a_file_of_prompts(tmp_path):
    config = tiny_run.write_inputs(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    prompts = tmp_path / "two.jsonl"
    prompts.write_text('{"prompt": "a", "id": "x"}\n{"prompt": "b"}\n')
    arguments = ["sample", prompts, "-o", tmp_path / "parts", "--config", path]
    assert quotetune(*arguments, "--set", "sampling.n=2") == 0
    rows = pq.read_table(tmp_path / "parts" / "part-00000.parquet").to_pylist()
    assert [row["sample"] for row in rows] == [0, 1, 0, 1]
    assert rows[0]["prompt_id"] == "x"


def test_pair_ranks_by_a_preference_that_asks_for_the_prompts(samples, tmp_path, capsys):
    prompts = tmp_path / "prompts.jsonl"
    own = [{"source": "documents", "id": "0"}]
    rows = [{"id": "a", "prompt": "A?", "documents": own}, {"id": "b", "prompt": "B?"}]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "pairs"
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", output]
    wanted = ["--set", "preference.on_topic_quip.tau=0", "--set", "pairs.delta_quip=null"]
    assert quotetune(*arguments, *wanted) == 2
    assert "name them with --prompts" in capsys.readouterr().err
    others = tmp_path / "others.jsonl"
    others.write_text(json.dumps({**rows[0], "id": "c"}) + "\n")
    assert quotetune(*arguments, *wanted, "--prompts", others) == 2
    assert "responses to prompt a, which is not among the prompts" in capsys.readouterr().err
    assert quotetune(*arguments, *wanted, "--prompts", prompts) == 0
    candidates = pq.read_table(output / "candidates.parquet").to_pylist()
    # b has no documents. In "No cat ever sat on one", the windows of " sat on " are on topic.
    assert [row["on_topic_quip"] for row in candidates] == [1.0, pytest.approx(5 / 18), None, None]
    assert [row["win_rate"] for row in candidates] == [1.0, 0.0, None, 0.5]
    (pair,) = pq.read_table(output / "pairs.parquet").to_pylist()
    assert (pair["chosen_sample"], pair["preference"]) == (0, 1.0)
    assert not (output / "work").exists()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("preference.perplexity.weight=2", "preference.perplexity.model: missing"),
        ("preference.quipp.weight=2", "preference.quipp: unknown key: did you mean quip?"),
        ("preference.callables.me.function=no_such:f", "preference.callables.me.function: no_such"),
        ("candidates.gold=true", "candidates.gold needs the model's tokenizer: set model.path"),
        ("pairs.rule=large_margin", "set pairs.margin"),
    ],
)
def test_pair_refuses_an_invalid_preference(samples, tmp_path, capsys, setting, complaint):
    arguments = ["pair", samples / "parts", "--index", samples / "index", "-o", tmp_path / "pairs"]
    assert quotetune(*arguments, "--set", setting) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
