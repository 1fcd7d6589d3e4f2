"""`/api/app-items/{itemId}/chat-bot`."""

from starlette.responses import Response

from graasp.apps.chatbot import schemas, service
from graasp.apps.gates import ItemId, SignedInByToken
from graasp.http.dependencies import Limits, PlatformDep
from graasp.http.responses import json_response
from graasp.http.routing import contract_router
from graasp.rate_limits import CHATBOT_BY_ACCOUNT, CHATBOT_BY_ITEM

router = contract_router(prefix="/app-items", tags=["app", "app-chatbot"])


@router.post(
    "/{itemId}/chat-bot", operation_id="createChatbotCompletionPrompt", response_model=schemas.Answer
)
async def create_chatbot_completion_prompt(
    platform: PlatformDep,
    limits: Limits,
    user: SignedInByToken,
    item_id: ItemId,
    body: schemas.Conversation,
    wanted: schemas.WantedModel = None,
    temperature: schemas.Temperature = 1,
) -> Response:
    await service.require_access(platform.reads, user, item_id)
    await limits.require(
        "chat-bot", (CHATBOT_BY_ACCOUNT, str(user.account.id)), (CHATBOT_BY_ITEM, str(item_id))
    )
    model = service.model_to_ask(platform.settings, wanted)
    completion = await service.ask(platform.settings, body, model, temperature)
    return json_response({"completion": completion, "model": model})
