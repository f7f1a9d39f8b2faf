"""What an installed wheel must do, with the base packages only; CI runs it on each platform."""

import sys
import tempfile


def use() -> None:
    from quotetune import Index, build_index, quip_score, trace

    with tempfile.TemporaryDirectory() as folder:
        build_index(["The quick brown fox jumps over the lazy dog."], folder + "/index")
        index = Index.open(folder + "/index")
        text = "A quick brown fox jumps over the lazy dog."
        assert quip_score(text, index) == 17 / 18
        [quote] = trace(text, index)
        assert quote.text == " quick brown fox jumps over the lazy dog."
    assert not {"torch", "transformers", "pyarrow"} & sys.modules.keys()

    import quotetune.report  # noqa: F401

    assert "torch" not in sys.modules


if __name__ == "__main__":
    use()
