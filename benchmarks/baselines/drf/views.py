import os
from datetime import timedelta

from django.shortcuts import get_object_or_404
from django.utils import timezone
from openai import OpenAI
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.baselines.drf.models import Chat, Message

client = OpenAI(api_key="bench", base_url=os.environ["OPENAI_BASE_URL"])


class PromptSerializer(serializers.Serializer):
    chat_id = serializers.UUIDField()
    content = serializers.CharField()


class MessageSerializer(serializers.ModelSerializer):
    class Meta:
        model = Message
        fields = ["id", "role", "content", "created_at"]


class ChatSerializer(serializers.ModelSerializer):
    class Meta:
        model = Chat
        fields = ["id", "title", "created_at"]


class PromptView(APIView):
    def post(self, request):
        serializer = PromptSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        chat = get_object_or_404(Chat, id=serializer.validated_data["chat_id"], user=request.user)
        Message.objects.create(chat=chat, role="user", content=serializer.validated_data["content"])
        last = Message.objects.filter(chat=chat).order_by("-created_at")[:10]
        messages = [{"role": message.role, "content": message.content} for message in reversed(last)]
        completion = client.chat.completions.create(model="gpt-6-luna", messages=messages)
        reply = completion.choices[0].message.content
        Message.objects.create(chat=chat, role="assistant", content=reply)
        return Response({"reply": reply}, status=status.HTTP_201_CREATED)


class MessagesView(APIView):
    def get(self, request, chat_id):
        chat = get_object_or_404(Chat, id=chat_id, user=request.user)
        return Response(MessageSerializer(chat.messages.order_by("created_at"), many=True).data)


class ChatsView(APIView):
    def get(self, request):
        chats = Chat.objects.filter(user=request.user).order_by("-created_at")[:50]
        return Response(ChatSerializer(chats, many=True).data)


class HistoryView(APIView):
    def get(self, request):
        today = timezone.now().date()
        chats = Chat.objects.filter(user=request.user).order_by("-created_at")
        week = (today - timedelta(days=7), today - timedelta(days=2))
        buckets = {
            "today": chats.filter(created_at__date=today)[:50],
            "yesterday": chats.filter(created_at__date=today - timedelta(days=1))[:50],
            "seven_days": chats.filter(created_at__date__range=week)[:50],
        }
        return Response({name: ChatSerializer(found, many=True).data for name, found in buckets.items()})
