"""Notes over REST, for the user's own front ends and for actions."""
