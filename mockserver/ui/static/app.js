"use strict";
// What HTML cannot say yet: modal dialogs, copying, and a field that opens a dialog by keyboard.
(() => {
  const open = () => {
    const dialog = document.querySelector("dialog[data-modal]:not([open])");
    if (!dialog) return;
    dialog.addEventListener("close", () => {
      const back = document.getElementById(dialog.dataset.back || "");
      dialog.remove();
      if (back && document.activeElement === document.body) back.focus();
    });
    dialog.showModal();
  };
  const close = () => document.querySelector("dialog[open]")?.close();

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "dialog") open();
    else if (event.detail.target.id === "endpoint-form") {
      close();
      document.querySelector("#endpoint-form [autofocus]")?.focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.matches?.("[data-opens]") && ["Enter", " ", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      event.target.click();
    }
  });

  document.addEventListener("click", async (event) => {
    const target = event.target.closest("button, a");
    if (!target) {
      if (event.target.matches("dialog[open]")) close();
      return;
    }
    if (target.matches("[data-close]")) close();
    if (target.dataset.show) {
      const template = document.getElementById(target.dataset.show);
      document.getElementById("dialog").replaceChildren(template.content.cloneNode(true));
      open();
    }
    if (target.dataset.copy) {
      await copied(document.getElementById(target.dataset.copy).textContent);
      const text = target.textContent;
      target.textContent = "Copied";
      setTimeout(() => (target.textContent = text), 1200);
    }
  });

  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  document.getElementById("problems")?.focus();
})();
