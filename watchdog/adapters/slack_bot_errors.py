"""What the Web API's errors mean for a notice, and what people do about them.

Sources: the lists of errors in Slack's reference of chat.postMessage and chat.update.
"""

from __future__ import annotations

import re

from ..ports import DeliveryError
from .slack_http import Answer, quotable, status_remedy

__all__ = ["ELSEWHERE", "REMEDIES", "UNDRAWABLE", "refusal", "remedy"]

# The channel can't be written to, while another may. A private channel that the app is not in is "not found".
ELSEWHERE = {
    "channel_not_found",
    "not_in_channel",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel",
}

# The message can't be drawn so; as one short text it may go through.
UNDRAWABLE = {
    "block_mismatch",
    "invalid_arguments",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "too_many_attachments",
}

# Slack says of these that some part of the work may be done.
UNSURE = {"internal_error", "fatal_error"}

# They pass, though it may take hours.
PASSING = {"external_channel_migrating", "org_login_required", "team_added_to_org", "update_failed"}

_NEW_TOKEN = "install the app again and set HANGWATCH_SLACK_TOKEN to its new bot token"  # noqa: S105  no secret
_OTHER_CHANNEL = "choose another channel in the policy or HANGWATCH_SLACK_CHANNEL"
_GONE = "that message can't be edited any more, which harms nothing: changes are told below it or in the channel"

REMEDIES = {
    "not_authed": "set HANGWATCH_SLACK_TOKEN to the app's bot token, which starts with xoxb-",
    "invalid_auth": f"the token is wrong, or this address is not allowed to use it; {_NEW_TOKEN}",
    "account_inactive": f"the app or its workspace was removed; {_NEW_TOKEN}",
    "token_revoked": f"the app was removed; {_NEW_TOKEN}",
    "token_expired": f"switch token rotation off; {_NEW_TOKEN}",
    "not_allowed_token_type": "set HANGWATCH_SLACK_TOKEN to the app's bot token, which starts with xoxb-",
    "missing_scope": "add the scope under OAuth & Permissions and install the app again",
    "no_permission": "invite the app to the channel, or add the scope chat:write.public and install it again",
    "access_denied": "ask an administrator of the workspace to allow the app",
    "ekm_access_denied": "an administrator has suspended posting; ask them",
    "enterprise_is_restricted": "install the app in a workspace, not in the organization",
    "team_access_not_granted": "ask an administrator to grant the app access to the workspace",
    "two_factor_setup_required": "the workspace asks for two-factor authentication; ask its administrator",
    "org_login_required": "the workspace is being migrated; it passes",
    "team_added_to_org": "the workspace is being migrated; it passes",
    "channel_not_found": "invite the app to it if it is private, or mend its name in the policy",
    "not_in_channel": "invite the app to the channel, or add the scope chat:write.public and install it again",
    "is_archived": f"the channel is archived; unarchive it, or {_OTHER_CHANNEL}",
    "is_inactive": "the channel is frozen, archived or deleted, so that its messages stay as they are",
    "restricted_action": f"only some may post there; {_OTHER_CHANNEL}",
    "restricted_action_read_only_channel": f"the channel is read-only; {_OTHER_CHANNEL}",
    "restricted_action_thread_only_channel": f"the channel takes replies only; {_OTHER_CHANNEL}",
    "restricted_action_non_threadable_channel": f"the channel takes no replies; {_OTHER_CHANNEL}",
    "message_not_found": _GONE,
    "cant_update_message": _GONE,
    "edit_window_closed": _GONE,
    "unknown_method": "that is not Slack's Web API; check HANGWATCH_SLACK_API_URL",
}


def remedy(error: str) -> str:
    """What people do about an error of Slack's; empty where nothing is known."""
    return REMEDIES.get(error, "")


def refusal(method: str, answer: Answer, token: str, setting: str) -> DeliveryError:
    """The error of an answer that is no delivery. setting: the one that holds the API's address."""
    error = quotable(answer.error, token)
    said = f"slack: {method} answered {answer.status} {error}".rstrip()
    todo = remedy(error) + _scope(answer, token) if error else status_remedy(answer.status, setting)
    if error in UNSURE:
        return DeliveryError(f"{said}, so the message may be there", permanent=False, maybe_delivered=True)
    text = f"{said}; {todo}" if todo else said
    return DeliveryError(text, permanent=not (answer.worth_another_try or error in PASSING))


def _scope(answer: Answer, token: str) -> str:
    needed = answer.fields.get("needed")
    known = isinstance(needed, str) and re.fullmatch("[a-z_:.,]{2,100}", needed) and needed not in token
    return f"; it needs {needed}" if known else ""
