"""A chat backend as tutorials for Django REST Framework write it: synchronous, ORM, the official SDK, whole answers."""
