"""Answers with every member that Stream's own have; what nobody looks at is empty."""

from typing import Any

AT = 1_790_000_000_000_000_000  # nanoseconds, as Stream writes times
_TYPE_FLAGS = (
    "connect_events", "count_messages", "custom_events", "delivery_events", "mark_messages_pending", "mutes", "polls",
    "push_notifications", "quotes", "reactions", "read_events", "reminders", "replies", "search", "shared_locations",
    "skip_last_msg_update_for_system_msgs", "typing_events", "uploads", "url_enrichment", "user_message_reminders",
)  # fmt: skip
_APP_FLAGS = (
    "allow_multi_user_devices", "async_url_enrich_enabled", "auto_translation_enabled", "campaign_enabled",
    "disable_auth_checks", "disable_permissions_checks", "feed_audit_logs_enabled", "guest_user_creation_disabled",
    "image_moderation_enabled", "member_custom_on_mentioned_users_enabled", "member_custom_on_messages_enabled",
    "member_custom_on_typing_events_enabled", "moderation_audio_call_moderation_enabled", "moderation_enabled",
    "moderation_keyframe_video_enabled", "moderation_llm_configurability_enabled",
    "moderation_multitenant_blocklist_enabled", "moderation_video_call_moderation_enabled", "multi_tenant_enabled",
    "suspended", "use_hook_v2", "user_response_time_enabled",
)  # fmt: skip
_APP_TEXTS = (
    "enforce_unique_usernames", "moderation_webhook_url", "name", "organization", "permission_version", "placement",
    "sns_key", "sns_secret", "sns_topic_arn", "sqs_key", "sqs_secret", "sqs_url", "suspended_explanation",
    "webhook_url",
)  # fmt: skip
_APP_LISTS = ("event_hooks", "user_search_disallowed_roles", "webhook_events")
_APP_MAPS = ("call_types", "channel_configs", "grants", "policies")
_UPLOADS = {
    "allowed_file_extensions": [], "allowed_mime_types": [], "blocked_file_extensions": [], "blocked_mime_types": [],
    "size_limit": 0,
}  # fmt: skip
_PUSH = {"enabled": False, "development": False, "apn_type": "", "notification_template": "", "data_template": ""}
_VENDORS = ("apn", "firebase", "huawei", "xiaomi")


def user(name: str) -> dict[str, Any]:
    return {
        "id": name, "role": "user", "banned": False, "online": False, "language": "", "teams": [], "custom": {},
        "blocked_user_ids": [], "created_at": AT, "updated_at": AT, "invisible": False, "shadow_banned": False,
        "total_unread_count": 0, "unread_channels": 0, "unread_count": 0, "unread_threads": 0, "channel_mutes": [],
        "devices": [], "mutes": [],
    }  # fmt: skip


def message(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "cid": stored["cid"], "id": stored["id"], "text": stored["text"], "html": "", "type": "regular",
        "created_at": AT, "updated_at": AT, "deleted_reply_count": 0, "reply_count": 0, "mentioned_channel": False,
        "mentioned_here": False, "pinned": False, "shadowed": False, "silent": False, "attachments": [],
        "latest_reactions": [], "own_reactions": [], "mentioned_users": [], "restricted_visibility": [],
        "custom": stored["custom"], "reaction_counts": {}, "reaction_scores": {}, "user": user(stored["user_id"]),
    }  # fmt: skip


def channel_type(name: str, commands: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **dict.fromkeys(_TYPE_FLAGS, True), "name": name, "automod": "disabled", "automod_behavior": "flag",
        "max_message_length": 5000, "message_retention": "infinite", "created_at": AT, "updated_at": AT,
        "commands": commands, "permissions": [], "grants": {}, "duration": "1ms",
    }  # fmt: skip


def app(values: dict[str, Any]) -> dict[str, Any]:
    return {
        **dict.fromkeys(_APP_FLAGS, False), **dict.fromkeys(_APP_TEXTS, ""), **{name: [] for name in _APP_LISTS},
        **{name: {} for name in _APP_MAPS}, "id": 1, "cdn_expiration_seconds": 0, "max_aggregated_activities_length": 0,
        "reminders_interval": 0, "file_upload_config": _UPLOADS, "image_upload_config": _UPLOADS,
        "push_notifications": {"version": "v2", "offline_only": False, **dict.fromkeys(_VENDORS, _PUSH)}, **values,
    }  # fmt: skip


def error(status: int, code: int, text: str) -> dict[str, Any]:
    return {
        "code": code, "StatusCode": status, "message": text, "duration": "1ms", "more_info": "", "details": [],
    }  # fmt: skip
