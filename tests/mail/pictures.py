"""Pictures of every mail, as a browser shows them: `python -m tests.mail.pictures docs/images/mails`.

Needs Debian's chromium. `--lang ar` takes another language than English.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from graasp.mail.rendering import render
from tests.mail.samples import samples

_WIDTH, _HEIGHT = 640, 420
# Small enough for a page of documentation.
_SCALE = 0.75


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lang", default="en")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=_SCALE)
        for mail in samples(options.lang):
            message = render(mail, sender="no-reply@example.org", message_id="<1@example.org>")
            html = message.get_body(("html",))
            assert html is not None
            page.set_content(html.get_content())
            page.screenshot(path=options.folder / f"{mail.kind.replace('_', '-')}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
