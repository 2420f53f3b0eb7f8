from accounts.models.api_key import ApiKey
from accounts.models.profile import Profile
from accounts.models.session import Session
from accounts.models.tokens import MailToken, SocketTicket
from accounts.models.user import User

__all__ = ["ApiKey", "MailToken", "Profile", "Session", "SocketTicket", "User"]
