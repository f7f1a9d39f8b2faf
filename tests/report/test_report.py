"""The report: the page agrees with the run's files, and hostile text cannot harm it."""

import base64
import hashlib
import json
import re
from itertools import pairwise

import pytest

from command import quotetune
from finished_run import ANSWERS, CORPUS, N, write_responses, write_run
from html_page import browsing_data, read_page
from quotetune.errors import UsageError
from quotetune.report import write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("finished"), rounds=2)


@pytest.fixture(scope="module")
def page(run):
    return read_page(write_report(run))


def page_of(directory, **changes):
    return read_page(write_report(write_run(directory, **changes)))


def table_rows(element):
    """Return the cells of a table, by the heading of their line."""
    return {
        line.all("th")[0].words: [cell.words for cell in line.all("td")]
        for line in element.one("tbody").all("tr")
    }


def test_the_table_has_the_numbers_of_metrics_json(run, page):
    metrics = json.loads((run / "metrics.json").read_text())
    table = page.one("section", id="results").one("table")
    assert [cell.words for cell in table.one("thead").all("th")] == [
        *("metric", "base", "round 1", "round 2")
    ]
    rows = [metrics["rows"][name] for name in ("base", "round-1", "round-2")]
    shown = table_rows(table)
    for label, key in (("QUIP", "quip"), ("coverage", "coverage"), ("cut", "cut")):
        base = 100 * rows[0][key]
        for cell, row in zip(shown[label], rows, strict=True):
            difference = f" {100 * row[key] - base:+.1f}".replace("-", "−")
            expected = f"{100 * row[key]:.1f}%"
            assert cell == expected + ("" if row is rows[0] else difference)
    assert shown["longest quote"][0] == f"{rows[0]['longest_quote']:.3g}"


def test_the_headline_is_the_last_round_against_the_base_model(run, page):
    metrics = json.loads((run / "metrics.json").read_text())
    card = page.one("section", id="results").all("li")[0]
    before, after = metrics["before"]["quip"], metrics["after"]["quip"]
    assert card.words.startswith(f"QUIP {before:.1%} → {after:.1%}")


def naive_quotes(text):
    """Return all maximal spans of at least N characters that occur in a document."""
    documents = [" ".join(document.text.split()) for document in CORPUS]

    def quoted(start, end):
        return any(" ".join(text[start:end].split("\n")) in document for document in documents)

    spans = [
        (start, end)
        for start in range(len(text))
        for end in range(start + N, len(text) + 1)
        if quoted(start, end)
    ]
    return [
        (start, end)
        for start, end in spans
        if not any((a, b) != (start, end) and a <= start and end <= b for a, b in spans)
    ]


def plain(part):
    return part if isinstance(part, str) else "".join(text for text, _ in part["s"])


def test_marked_responses_are_the_responses_with_every_character_at_its_longest_quote(page):
    data = browsing_data(page)
    assert [row["key"] for row in data["rows"]] == ["base", "round-1", "round-2"]
    assert data["levels"] == [8, 12, 20, 32]
    for prompt, responses in zip(data["prompts"], ANSWERS.values(), strict=True):
        for shown, response in zip(prompt["responses"], responses, strict=True):
            assert "".join(map(plain, shown["parts"])) == response
            marked = [
                level
                for part in shown["parts"]
                for text, level in ([(part, None)] if isinstance(part, str) else part["s"])
                for _ in text
            ]
            longest = [0] * len(response)
            for start, end in naive_quotes(response):
                for place in range(start, end):
                    longest[place] = max(longest[place], end - start)
            levels = [sum(n >= edge for edge in data["levels"]) - 1 if n else None for n in longest]
            assert marked == levels


def test_every_quote_occurs_in_the_documents_that_are_named_and_in_its_context(page):
    data = browsing_data(page)
    texts = {(document.source, document.id): document.text for document in CORPUS}
    seen = 0
    for prompt in data["prompts"]:
        for response in prompt["responses"]:
            for part in response["parts"]:
                for text, length, count, documents in [] if isinstance(part, str) else part["q"]:
                    quoted = (text or plain(part)).replace("\n", " ")
                    assert length == len(quoted)
                    assert count == sum(document.count(quoted) for document in texts.values())
                    first, *others = documents
                    _, source, id, _ = data["documents"][first[0]]
                    around = first[1].removeprefix("…") + quoted + first[2].removesuffix("…")
                    assert around in texts[source, id]
                    assert all(quoted in texts[tuple(data["documents"][n][1:3])] for n in others)
                    seen += 1
    assert seen == 10


def test_the_document_that_belongs_to_the_prompt_is_named_first(page):
    data = browsing_data(page)
    jumps = data["prompts"][0]
    assert [data["documents"][n][1:3] for n in jumps["documents"]] == [
        *(["notes", "ice"], ["no", "such"])
    ]
    # In the order of the corpus, the tale about ice would be the first that contains it.
    part = next(part for part in jumps["responses"][1]["parts"] if "of dense ice" in plain(part))
    (quote,) = part["q"]
    assert data["documents"][quote[3][0][0]][1:3] == ["notes", "ice"]


def test_titles_of_documents_are_those_of_their_metadata(page):
    assert ["Ice & co", "tales", "ice", None] in browsing_data(page)["documents"]


def test_the_page_is_valid_html_and_loads_nothing(run, page):
    ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.all():
        for name in ("aria-labelledby", "aria-controls", "for"):
            assert element.attributes.get(name, ids[0]) in ids
        for name in ("src", "href"):
            address = element.attributes.get(name, "data:,")
            assert address == "data:," or address.removeprefix("#") in ids
        assert not [name for name in element.attributes if name.startswith("on")]
        assert "style" not in element.attributes  # the page's policy would ignore it
    assert "@import" not in page.one("style").text
    assert "url(" not in page.one("style").text
    assert "://" not in (run / "report.html").read_text().replace("https?:\\/\\/", "")


def test_headings_follow_each_other_and_tables_and_charts_are_described(page):
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in page.all("table"):
        assert all("scope" in heading.attributes for heading in table.all("th"))
        assert table.all("caption") or "aria-labelledby" in table.attributes
    for chart in page.all("svg", class_="chart"):
        assert chart.attributes["role"] == "img"
        assert chart.attributes["aria-label"]
    assert page.one("html").attributes["lang"] == "en"
    controls = page.all("input") + page.all("select")
    assert controls
    assert all(control.parent.tag == "label" for control in controls)
    links = [link.attributes["href"] for link in page.one("nav").all("a")]
    assert links == [f"#{section.attributes['id']}" for section in page.all("section")]


def test_the_policy_names_the_only_script_and_style_that_may_run(page):
    (policy,) = [
        element.attributes["content"]
        for element in page.all("meta")
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    scripts = [e for e in page.all("script") if "type" not in e.attributes]
    for element, kind in ((page.one("style"), "style-src"), (*scripts, "script-src")):
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)><!-- {{ 7 * 7 }} & \u2028"


def test_text_of_the_run_is_never_taken_for_html(tmp_path):
    answers = {HOSTILE: (HOSTILE, f"The quick brown fox {HOSTILE}")}
    page = page_of(
        tmp_path, answers=answers, name="<i>run", model={"path": HOSTILE}, note="</pre><img src=y>"
    )
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not page.all("i")
    assert page.one("h1").words == "<i>run"
    assert HOSTILE in page.one("header").text
    assert "</pre><img src=y>" in page.one("pre").text
    prompt = browsing_data(page)["prompts"][0]
    assert prompt["text"] == HOSTILE
    assert "".join(map(plain, prompt["responses"][0]["parts"])) == HOSTILE


def test_content_that_is_missing_has_no_section(tmp_path, page):
    short = page_of(tmp_path / "one", rounds=1)
    assert "#curves" not in [link.attributes["href"] for link in short.one("nav").all("a")]
    sections = {section.attributes["id"] for section in short.all("section")}
    assert sections == {s.attributes["id"] for s in page.all("section")} - {"curves"}
    run = write_run(tmp_path / "bare", rounds=1)
    for name in ("round-1/pairs/pairs.json", "round-1/adapter/training.json"):
        (run / name).unlink()
    for manifest in run.rglob("stage.json"):
        manifest.unlink()
    bare = read_page(write_report(run))
    assert {section.attributes["id"] for section in bare.all("section")} == {
        *("results", "distributions", "responses", "metrics", "configuration")
    }


def test_without_the_index_responses_are_shown_unmarked(tmp_path, capsys):
    run = write_run(tmp_path)
    (tmp_path / "index").rename(tmp_path / "moved")
    data = browsing_data(read_page(write_report(run)))
    assert "so the report marks no quotes: name it with --index" in capsys.readouterr().err
    texts = [prompt["responses"][1]["parts"] for prompt in data["prompts"]]
    assert texts == [[drawn[1]] for drawn in ANSWERS.values()]
    marked = browsing_data(read_page(write_report(run, tmp_path / "moved")))
    assert marked["prompts"][1]["responses"][1]["parts"][1]["q"]


def test_a_filter_alone_marks_what_it_reports_and_names_no_source(tmp_path):
    page = page_of(tmp_path, structures=("bloom",))
    parts = browsing_data(page)["prompts"][2]["responses"][1]["parts"]
    assert parts == [{"s": [["nothing else.", 0]], "q": []}]
    assert not page.one("section", id="responses").all("ul", class_="key")


def test_a_round_that_the_run_no_longer_has_is_left_out(tmp_path):
    run = write_run(tmp_path, rounds=2)
    metrics = json.loads((run / "metrics.json").read_text())
    best = {"policy": "round-1", "criterion": "quip", "value": 0.1}
    del metrics["rows"]["round-2"]
    metrics |= {"after": metrics["rows"]["round-1"], "policies": ["round-1"], "best": best}
    (run / "metrics.json").write_text(json.dumps(metrics))
    config = (run / "config.yaml").read_text().replace("rounds: 2", "rounds: 1")
    (run / "config.yaml").write_text(config)
    page = read_page(write_report(run))
    assert "round 2" not in page.one("main").text
    assert "round-2" not in page.one("section", id="times").text


def test_pairs_and_times_are_those_of_the_files(page):
    prompts, *rounds = page.one("section", id="pairs").all("table")
    lines = table_rows(prompts)
    assert lines["prompts"] == ["5", "5"]
    assert lines["without: no gap in QUIP above delta_quip"] == ["3", "3"]
    assert lines["smallest to largest gap"] == ["40.0% to 60.0%"] * 2
    assert len(rounds) == 2
    assert table_rows(rounds[0])["QUIP"] == ["25.0%", "75.0%", "25.0%"]  # samples, chosen, rejected
    times = table_rows(page.one("section", id="times"))
    assert times["round-1/train"][0] == "2 min 5 s"
    # Three evaluations of 61 and 0.25 seconds each, and two rounds of two times 125 seconds.
    assert times["total"][0] == "11 min 24 s"


def test_the_training_is_drawn_step_by_step(run, page):
    record = json.loads((run / "round-1" / "adapter" / "training.json").read_text())
    loss, accuracy, *_ = page.one("section", id="trainings").all("figure")
    assert loss.one("figcaption").words == "round 1: loss, by step"
    for figure, key in ((loss, "loss"), (accuracy, "accuracy")):
        drawn = [circle.text.split(": ") for circle in figure.all("circle")]
        steps = [[str(entry["step"]), f"{entry[key]:.3g}"] for entry in record["history"]]
        assert drawn == steps


def test_the_distribution_of_quip_counts_every_response(run, page):
    chart = page.one("section", id="distributions").all("svg")[0]
    shares = {}
    for bar in chart.all("rect"):
        name, low, share = re.fullmatch(r"(.*), (\d+)%: (\d+)% of the responses", bar.text).groups()
        shares.setdefault(name, {})[int(low)] = int(share)
    data = browsing_data(page)
    for name, place in (("base", 0), ("round 2", 2)):
        values = [prompt["responses"][place]["quip"] or 0 for prompt in data["prompts"]]
        width = 100 // len(shares[name])
        for low, share in shares[name].items():
            inside = [v for v in values if low <= 100 * v < low + width or (low == 90 and v == 1)]
            assert share == round(100 * len(inside) / len(values))


def test_the_command_writes_the_page_and_refuses_other_directories(tmp_path, capsys):
    run = write_run(tmp_path)
    assert quotetune("report", run) == 0
    assert capsys.readouterr().out.strip() == str(run / "report.html")
    assert read_page(run / "report.html").one("h1").words == "run"
    assert quotetune("report", tmp_path) == 2
    assert quotetune("report", run, "--index", tmp_path / "nowhere") != 0
    assert "nowhere" in capsys.readouterr().err


def test_a_directory_without_a_finished_run_is_refused(tmp_path):
    run = write_run(tmp_path)
    (run / "metrics.json").unlink()
    with pytest.raises(UsageError, match=r"not a finished run \(it has no metrics\.json\)"):
        write_report(run)
    with pytest.raises(UsageError, match=r"nowhere: not a finished run"):
        write_report(tmp_path / "nowhere")


def test_a_run_of_an_older_version_is_refused_with_a_remedy(tmp_path):
    run = write_run(tmp_path)
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps(metrics | {"schema": 2}))
    with pytest.raises(UsageError, match=r"has schema 2, .* run `quotetune train` on"):
        write_report(run)


def test_measures_are_read_from_the_run_and_not_computed_again(tmp_path):
    """Two responses per prompt, with measures that differ from what the index would give."""
    run = write_run(tmp_path)
    rows = [
        {
            "prompt_id": f"p{number}",
            "sample": sample,
            "response": "the lazy dog",
            "quip": 0.35,
            "longest_quote": 99,
            "cut": False,
            "quote_lengths": [40, 50],
        }
        for number in range(len(ANSWERS))
        for sample in (0, 1)
    ]
    write_responses(run / "evaluation" / "round-1" / "metrics" / "responses.parquet", rows)
    page = read_page(write_report(run))
    shown = [prompt["responses"][1] for prompt in browsing_data(page)["prompts"]]
    assert {(response["quip"], response["longest"]) for response in shown} == {(0.35, 99)}
    assert shown[0]["parts"][0]["q"]
    quip, lengths = page.one("section", id="distributions").all("svg")
    drawn = [bar.text for bar in (*quip.all("rect"), *lengths.all("rect"))]
    assert "round 1, 30%: 100% of the responses" in drawn
    tuned = [bar for bar in drawn if bar.startswith("round 1, ") and bar.endswith("per response")]
    counts = [float(bar.split(": ")[1].split()[0]) for bar in tuned]
    assert sum(counts) == 2
