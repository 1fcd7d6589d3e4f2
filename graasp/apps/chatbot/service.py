"""Rules of the language model: who may ask it, and what counts as an answer."""

from collections.abc import Sequence
from uuid import UUID

from graasp.apps.chatbot.client import complete
from graasp.apps.chatbot.errors import AnotherItem, IncompleteCompletion, UnknownStopReason
from graasp.apps.chatbot.schemas import MODELS, Message
from graasp.apps.gates import AppUser
from graasp.db.database import Reader
from graasp.memberships.authorization import authorize
from graasp.settings import Settings

_DEFAULT_MODEL = "gpt-5-nano"
_NO_LONGER_OFFERED = "gpt-4"


async def require_access(reader: Reader, user: AppUser, item_id: UUID) -> None:
    """Raises AnotherItem for an item that is not the token's, and what `authorize` raises."""
    await authorize(reader, user.account.id, item_id)
    if item_id != user.item_id:
        raise AnotherItem(user.item_id, item_id)


def model_to_ask(settings: Settings, wanted: str | None) -> str:
    """The model that was asked for, or the installation's."""
    if wanted is not None and wanted != _NO_LONGER_OFFERED:
        return wanted
    own = settings.openai_gpt_version
    return own if own in MODELS else _DEFAULT_MODEL


async def ask(settings: Settings, messages: Sequence[Message], model: str, temperature: float) -> str | None:
    """What the model says; it may have nothing to say.

    Raises IncompleteCompletion, UnknownStopReason, and what `complete` raises.
    """
    choice = await complete(settings, [message.model_dump() for message in messages], model, temperature)
    if choice.finish_reason == "length":
        raise IncompleteCompletion
    if choice.finish_reason != "stop":
        raise UnknownStopReason(choice.finish_reason)
    return choice.message.content
