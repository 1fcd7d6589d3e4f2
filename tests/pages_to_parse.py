"""Pages that are hard to parse."""


def unclosed(number: int) -> str:
    """What is not closed is repeated in every paragraph behind it: the page becomes as long as its length squared."""
    bold = "".join(f"<b a={n}>" for n in range(number))
    return f"<title>A page</title><p>{bold}</p>" + "<p>x" * 2 * number
