"""What several doors share: the fields that they take, how they encode events, how they answer."""
