// Swagger UI as a screen reader wants it: no link within a button, and a name for whatever can be filled in.
"use strict";

function mend() {
  for (const link of document.querySelectorAll("button a[href]")) link.removeAttribute("href"); // the button leads there
  for (const button of document.querySelectorAll("button.auth[aria-label]")) button.removeAttribute("aria-label");
  for (const button of document.querySelectorAll(".close-modal")) button.ariaLabel = "Close";
  for (const one of document.querySelectorAll("textarea, select, input")) {
    if (!one.ariaLabel && !one.labels.length) one.ariaLabel = one.closest("tr")?.dataset.paramName ?? "Body";
  }
}

new MutationObserver(mend).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
