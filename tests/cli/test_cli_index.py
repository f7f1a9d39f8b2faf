"""The commands of the index, run as a user runs them."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from command_line import assert_fails, quotetune, records

TEXT = "It was the best of times, it was the worst of times."


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    record = {"id": "2c", "source": "dickens", "text": TEXT, "title": "A Tale"}
    (folder / "corpus.jsonl").write_text(json.dumps(record) + "\n")
    result = quotetune(
        "build-index", folder / "corpus.jsonl", "-o", folder / "index", "--meta-keys", "title,url"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "" and "1 document" in result.stderr
    return folder / "index"


def test_the_version_is_the_package_s() -> None:
    assert quotetune("--version").stdout == f"quotetune {version('quotetune')}\n"


def test_help_lists_the_commands() -> None:
    shown = quotetune("--help").stdout
    assert all(name in shown for name in ("build-index", "score", "trace", "info", "verify"))


def test_the_command_line_starts_without_what_only_its_commands_need() -> None:
    script = "import sys; import quotetune.cli; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = set(result.stdout.split())
    assert "quotetune.cli.trace" in loaded
    slow = {"numpy", "pyarrow", "pydantic", "rich", "torch", "yaml", "quotetune._core"}
    assert not loaded & slow


def test_contains_lists_the_documents_with_all_texts_or_any(index: Path) -> None:
    both = quotetune("contains", index, "worst", "best of")
    assert both.stdout == "1 document\ndickens\t2c\n"
    assert quotetune("contains", index, "worst", "whale").stdout == "0 documents\n"
    either = quotetune("contains", "--any", index, "worst", "whale", "--json")
    document = {"source": "dickens", "id": "2c", "metadata": {"title": "A Tale"}}
    assert json.loads(either.stdout) == {"count": 1, "documents": [document]}
    assert_fails(quotetune("contains", index, " "), 2, "a text is empty")
    assert_fails(quotetune("contains", index, "\udce9"), 2, "'\\udce9' is not UTF-8: type it in")


def test_repeats_lists_the_longest_texts_and_says_how_much_they_are(index: Path) -> None:
    result = quotetune("repeats", index, "--min-chars", "10", "--max-texts", "1")
    [found] = records(result)
    assert found["text"] == "st of times" and found["chars"] == 11 and found["count"] == 2
    document = {"source": "dickens", "id": "2c", "metadata": {"title": "A Tale"}, "offset": 13}
    assert found["documents"] == [document]
    # "It was the best of times, it was the worst of times."
    share = 2 * len("t was the ") + 2 * len("st of times")
    assert f"{share} of {len(TEXT)} characters, in 4 ranges of 1 document" in result.stderr
    refused = quotetune("repeats", index, "--times", "1")
    assert refused.returncode == 2 and "--times" in refused.stderr


def test_score_adds_the_report_to_each_record(index: Path, tmp_path: Path) -> None:
    lines = [{"text": f"So: {TEXT}", "model": "m"}, {"text": "short", "model": "n"}]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    first, second = records(quotetune("score", index, path))
    assert first["model"] == "m" and first["text"] == lines[0]["text"]
    assert (first["numerator"], first["denominator"], first["too_short"]) == (28, 32, False)
    assert first["quip_25_beta"] == 28 / 32
    assert first["quotes"][0]["documents"] == [
        {"source": "dickens", "id": "2c", "metadata": {"title": "A Tale"}, "offset": 0}
    ]
    assert second["quip_25_beta"] is None and second["too_short"] is True


def test_only_the_answer_counts_and_its_places_are_those_in_the_text(
    index: Path, tmp_path: Path
) -> None:
    marks = ("--reasoning", "<think>", "</think>")
    thought = f"<think>{TEXT}</think>\n\n"
    texts = [f"{thought}So: {TEXT}", f"{thought}I do not know what to say.", f"<think>{TEXT}", TEXT]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    scored = records(quotetune("score", index, path, *marks))
    assert [row["quip_25_beta"] for row in scored] == [28 / 32, 0.0, None, 1.0]
    assert [row["text"] for row in scored] == texts
    for rows in (scored, records(quotetune("trace", index, path, *marks))):
        places = [[(q["start"], q["end"]) for q in row["quotes"]] for row in rows]
        assert places == [[(len(thought) + 4, len(texts[0]))], [], [], [(0, len(TEXT))]]
    assert scored[0]["covered"] == [[len(thought) + 4, len(texts[0])]]
    result = quotetune("score", index, path, "--format", "quip-json", *marks)
    found = [one["quip_report"]["quip_25_beta"] for one in json.loads(result.stdout)]
    assert found == [row["quip_25_beta"] for row in scored]
    assert_fails(quotetune("score", index, path, "--reasoning", "<t>", ""), 2, "a mark of thoughts")
    same = quotetune("score", index, path, "--reasoning", "<t>", "<t>")
    assert_fails(same, 2, "--reasoning: both marks of thoughts are '<t>': give two")


def test_score_reads_standard_input_and_another_key(index: Path) -> None:
    stdin = json.dumps({"response": TEXT}) + "\n\n" + json.dumps({"response": "x" * 30}) + "\n"
    result = quotetune("score", index, "--key", "response", "--exact", stdin=stdin)
    assert [record["quip_25_beta"] for record in records(result)] == [1.0, 0.0]


def test_score_writes_a_file_when_it_is_complete(index: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.jsonl"
    stdin = json.dumps({"text": TEXT}) + "\n"
    assert quotetune("score", index, "-o", output, stdin=stdin).returncode == 0
    assert json.loads(output.read_text())["numerator"] == 28
    output.unlink()
    assert_fails(quotetune("score", index, "-o", output, stdin=stdin + "{"), 1, "<stdin>:2")
    assert list(tmp_path.iterdir()) == []


def test_trace_gives_quotes_of_one_text(index: Path) -> None:
    [record] = records(quotetune("trace", index, "--text", "the best of times", "--min-chars", 10))
    [quote] = record["quotes"]
    assert (quote["start"], quote["end"], quote["count"]) == (0, 17, 1)
    assert quote["documents"][0]["offset"] == 7


def test_quotes_are_coloured_and_sourced_on_a_terminal() -> None:
    from rich.console import Console

    from quotetune.cli.highlight import show_quotes, show_report
    from quotetune.corpus.results import QuipReport, Quote, QuoteSource

    source = QuoteSource("dickens", "2c", {"title": "A Tale"}, 0)
    quote = Quote(4, 10, "quoted", 2, [source] * 4)
    console = Console(force_terminal=True, width=80, record=True)
    with console.capture() as captured:
        show_quotes(console, "not quoted [bold]here", [quote])
        show_report(console, "covered", QuipReport(1, 2, 0.5, False, None, None, [(0, 3)]))
    shown = captured.get()
    assert "\x1b[4;32mquoted\x1b[0m" in shown and "[bold]here" in shown
    assert "dickens/2c (A Tale)" in shown and "2 times" in shown and "..." in shown
    assert "\x1b[1;32mcov\x1b[0mered" in shown and "QUIP 50.0% (1 of 2)" in shown


def test_info_describes_the_index(index: Path) -> None:
    result = quotetune("info", index)
    assert result.returncode == 0
    for part in ("25 characters", "squash", "bloom, suffix", "28 distinct", "false-positive rate"):
        assert part in " ".join(result.stdout.split())
    manifest = json.loads(quotetune("info", index, "--json").stdout)
    assert manifest["counts"]["documents"] == 1 and manifest["n"] == 25


def test_a_fuse_filter_is_built_described_checked_and_not_changed(tmp_path: Path) -> None:
    index, line = tmp_path / "index", json.dumps({"text": TEXT}) + "\n"
    build = ("build-index", "-", "-o", index, "--structures")
    assert_fails(quotetune(*build, "bloom,fuse", stdin=line), 2, "bloom and fuse: choose one")
    assert_fails(quotetune(*build, "fuse", "--fpr", 0.1, stdin=line), 2, "fpr with fuse")
    assert quotetune(*build, "fuse,lean", stdin=line).returncode == 0
    shown = " ".join(quotetune("info", index).stdout.split())
    for part in ("structures fuse, lean", "28 distinct n-grams", "1 partitions", "0.0015%"):
        assert part in shown
    assert "undamaged" in quotetune("verify", index).stdout
    assert_fails(quotetune("add", index, "-", stdin=line), 1, "fuse filter, which cannot change")
    path = index / "filter-00000.fuse"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    result = quotetune("verify", index)
    assert result.returncode == 1 and str(path) in result.stderr


def test_verify_exits_with_1_and_names_the_damaged_file(index: Path, tmp_path: Path) -> None:
    import shutil

    result = quotetune("verify", index)
    assert result.returncode == 0 and "undamaged" in result.stdout
    copy = Path(shutil.copytree(index, tmp_path / "copy"))
    path = copy / "segment-00000.text"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    result = quotetune("verify", copy)
    assert result.returncode == 1
    assert str(path) in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("content", "code", "part"),
    [
        (
            '{"text": "a"}\n{"text": ',
            1,
            "corpus.jsonl:2: malformed JSON: an object that does not end",
        ),
        ('{"body": "a"}\n', 1, 'corpus.jsonl:1: no key "text"'),
        ('{"text": "a", "id": 1}\n{"text": "b", "id": 1}\n', 1, "corpus.jsonl:1"),
        ("", 1, "no document in"),
        (None, 2, "no such file"),
    ],
)
def test_bad_corpora_are_one_line_errors(
    tmp_path: Path, content: str | None, code: int, part: str
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    if content is not None:
        corpus.write_text(content)
    assert_fails(quotetune("build-index", corpus, "-o", tmp_path / "index"), code, part)
    assert not (tmp_path / "index").exists() and not (tmp_path / "index.partial").exists()


def test_an_output_that_exists_is_a_usage_error_and_overwrite_replaces_it(tmp_path: Path) -> None:
    line = json.dumps({"text": TEXT}) + "\n"
    arguments = ("build-index", "-", "-o", tmp_path / "index")
    assert quotetune(*arguments, stdin=line).returncode == 0
    assert_fails(quotetune(*arguments, stdin=line), 2, "--overwrite")
    assert quotetune(*arguments, "--overwrite", stdin=line).returncode == 0


def test_commands_on_what_is_no_index_are_one_line_errors(tmp_path: Path) -> None:
    for command in ("info", "verify", "score", "trace"):
        assert_fails(quotetune(command, tmp_path / "absent"), 1, "absent: no index here")


@pytest.mark.parametrize("text", [f"{TEXT}\n", f"[1] {TEXT}", f"[A] {TEXT}", "42"])
def test_plain_text_under_another_name_is_refused_with_what_to_do(
    index: Path, tmp_path: Path, text: str
) -> None:
    named = {ending: tmp_path / f"answer{ending}" for ending in ("", ".md", ".txt", ".jsonl")}
    for path in named.values():
        path.write_text(text)
    remedy = ", or give plain text in a file named .txt, or with --text"
    for command in ("score", "trace"):
        for ending in ("", ".md"):
            assert_fails(quotetune(command, index, named[ending]), 1, "answer", remedy)
        assert_fails(quotetune(command, index, stdin=text), 1, "<stdin>", remedy)
        assert remedy not in quotetune(command, index, named[".jsonl"]).stderr
        # What the message says works.
        [from_file] = records(quotetune(command, index, named[".txt"]))
        [from_option] = records(quotetune(command, index, "--text", text))
        assert from_file == from_option and from_file["text"] == text


def test_the_remedy_for_plain_text_is_only_for_the_first_record(
    index: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answers"
    path.write_text(json.dumps({"text": TEXT}) + "\nplain\n")
    result = quotetune("score", index, path)
    assert_fails(result, 1, "answers:2: not JSON")
    assert "--text" not in result.stderr


def test_a_text_that_is_null_is_not_only_a_matter_of_the_key(index: Path) -> None:
    remedy = "'text' is null, not a string: write a text, or name another field with --key"
    assert_fails(quotetune("score", index, stdin='{"text": null}'), 1, "<stdin>", remedy)


def test_bad_records_to_score_are_one_line_errors(index: Path) -> None:
    for line, part in (("{]", "not JSON"), ('{"t": "a"}', "--key"), ("[1]", "not an object")):
        assert_fails(quotetune("score", index, stdin=line), 1, "<stdin>", "1: ", part)
