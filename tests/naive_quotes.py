"""Where the quotes of a response are, by the definition, on its text alone."""

from naive_index import NaiveIndex


def quotes(text: str, marks: str, n: int, naive: NaiveIndex) -> list[str]:
    """Close each quote at the first closing mark after n characters; one that is open is none."""
    found = []
    rest = text
    while marks[0] in rest:
        inner, closed = rest.split(marks[0], 1)[1], False
        for at, char in enumerate(inner):
            if char == marks[1] and len(naive.normalized(inner[:at])[0]) >= n:
                found.append(inner[:at])
                rest, closed = inner[at + 1 :], True
                break
        if not closed:
            break
    return found


def stands(quote: str, naive: NaiveIndex, n: int) -> bool:
    text = naive.normalized(quote)[0]
    return len(text) >= n and any(text in document for document in naive.documents)
