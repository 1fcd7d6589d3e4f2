"""One mail of every kind, with names that would do harm if they were not escaped."""

from uuid import UUID

from graasp.mail import messages
from graasp.mail.messages import Mail

CLIENT = "https://client.test"
LIBRARY = "https://library.test"
ITEM_ID = UUID("4b9a1a52-6d26-4f3b-9a6d-5b7a3f2f1c11")
INVITATION_ID = UUID("9d1c7b0e-2f5c-4a56-8a2b-0a4f9c3d2e22")
RECIPIENT = "someone@example.org"

_ARCHIVE = f"{CLIENT}/api/downloads/token"


def samples(lang: str, *, person: str = "Ada Lovelace", item: str = "Algebra, first steps") -> list[Mail]:
    """Every kind once, in the order of the documentation."""
    sign_in_link = f"{CLIENT}/api/auth?t=a.b.c&url=https%3A%2F%2Fclient.test%2Fhome%2F"
    to = {"recipient": RECIPIENT, "lang": lang}
    about = {**to, "item_name": item}
    here = {"item_id": ITEM_ID, "client_host": CLIENT}
    return [
        messages.sign_up(**to, link=sign_in_link),
        messages.sign_in(**to, link=sign_in_link),
        messages.reset_password(**to, link=f"{CLIENT}/auth/reset-password?t=a.b.c"),
        messages.confirm_email_change(
            **to, link=f"{CLIENT}/email/change?t=a.b.c&email=someone%40example.org"
        ),
        messages.email_changed(**to, new_email="new@example.org"),
        messages.mentioned(**about, **here, creator_name=person),
        messages.invitation(**about, **here, creator_name=person, invitation_id=INVITATION_ID),
        messages.item_shared(**about, **here, creator_name=person),
        messages.access_requested(**about, **here, member_name=person),
        messages.item_published(**about, item_id=ITEM_ID, library_host=LIBRARY),
        messages.actions_exported(**about, link=_ARCHIVE, export_format="csv", days=7),
        messages.folder_exported(**about, link=_ARCHIVE, days=7),
        messages.data_exported(**to, link=_ARCHIVE, days=7),
    ]
