from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from benchmarks.baselines.drf import views

urlpatterns = [
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("prompt/", views.PromptView.as_view()),
    path("chats/", views.ChatsView.as_view()),
    path("history/", views.HistoryView.as_view()),
    path("chats/<uuid:chat_id>/messages/", views.MessagesView.as_view()),
]
