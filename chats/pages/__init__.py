"""The page: chat in the browser, over the same engine as every other door."""
