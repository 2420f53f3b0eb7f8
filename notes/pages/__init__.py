"""Notes in the browser: plain forms, with HTMX where it helps."""
