// Dark or light: what the system says, until somebody chooses. Runs before the page is painted.
(function () {
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (stored()) root.dataset.theme = stored();
  root.classList.add("scripted");
  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(dark()));
      button.addEventListener("click", () => {
        root.dataset.theme = dark() ? "light" : "dark";
        button.setAttribute("aria-pressed", String(dark()));
        try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private window: for this page only */ }
      });
    }
  });
})();
