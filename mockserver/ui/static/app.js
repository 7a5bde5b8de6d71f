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

  // What is typed while the form is on its way to the server and back stays: the new form is given it, too.
  const typed = () => {
    const values = new Map();
    for (const each of document.getElementById("endpoint-form")?.elements ?? []) {
      if (!each.name || each.type === "hidden" || each.type === "button") continue;
      if (each.type === "radio" && !each.checked) continue;
      values.set(each.name, each.type === "checkbox" ? each.checked : each.value);
    }
    return values;
  };
  const retype = (name, value) => {
    for (const each of document.getElementsByName(name)) {
      if (each.type === "radio") each.checked = each.value === value;
      else if (each.type === "checkbox") each.checked = value;
      else each.value = value;
    }
  };
  let sent = new Map();
  let since = [];

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target.id === "endpoint-form") sent = typed();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "endpoint-form") {
      since = [...typed()].filter(([name, value]) => sent.get(name) !== value);
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "dialog") open();
    else if (event.detail.target.id === "endpoint-form") {
      if (event.detail.requestConfig.elt.id === "select-entity") close();
      since.forEach(([name, value]) => retype(name, value));
      if (!since.length) document.querySelector("#endpoint-form [autofocus]")?.focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.matches?.("[data-opens]") && ["Enter", " ", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      event.target.click();
    }
  });

  // Asked for by the dialog's place, which stays, and not by the field, which may be replaced meanwhile.
  const select = (index) => {
    const values = Object.fromEntries(new FormData(document.getElementById("endpoint-form")));
    const place = document.getElementById("dialog");
    htmx.ajax("POST", "/ui/select-entity", { source: place, target: place, values: { ...values, "?index": index } });
  };

  document.addEventListener("click", async (event) => {
    if (event.target.matches?.("[data-opens]")) select(event.target.dataset.opens);
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

  // Rows that are out of sight wait for the first paint; a tab out of sight does not ask for what is new.
  const later = document.querySelectorAll("[data-later]");
  const show = () => later.forEach((each) => (each.hidden = false));
  if (later.length && PerformanceObserver.supportedEntryTypes?.includes("paint")) {
    new PerformanceObserver((_, observer) => {
      observer.disconnect();
      show();
    }).observe({ type: "paint", buffered: true });
  } else show();
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.elt.getAttribute("hx-trigger")?.startsWith("every")) event.preventDefault();
  });

  document.getElementById("problems")?.focus();
})();
