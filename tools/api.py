"""`/api/tools/`: which tools a chat may offer its models."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import NOT_SIGNED_IN
from accounts.api.docs import problems
from tools.policy import ALL, Policy, offered_tools, policy_of


class ToolOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField(help_text="what models are told of it")
    policy = serializers.ChoiceField([Policy.AUTO.value, Policy.ASK.value], help_text="whether each call asks first")
    input_schema = serializers.DictField(help_text="JSON Schema of its arguments")


class ToolsView(APIView):
    @extend_schema(
        operation_id="tools_list", responses={200: ToolOutput(many=True), **problems(**NOT_SIGNED_IN)}, tags=["tools"]
    )
    def get(self, request: Request) -> Response:
        """List the tools that may be used."""
        return Response(
            [
                {
                    "name": tool.name,
                    "title": tool.title,
                    "description": tool.description,
                    "policy": policy_of(tool),
                    "input_schema": tool.parameters,
                }
                for tool in offered_tools([ALL], can_ask=True).values()
            ]
        )
