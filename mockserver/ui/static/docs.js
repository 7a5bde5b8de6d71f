"use strict";
(async () => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();
  const root = document.getElementById("contract");
  const spec = await (await fetch("/openapi.json")).json();
  delete spec.jsonSchemaDialect; // the viewer takes a dialect for a mistake
  spec.servers = [{ url: location.origin, description: "This mock" }];
  const help = () => {
    for (const select of root.querySelectorAll("select:not([aria-label])")) {
      select.setAttribute("aria-label", select.id === "servers" ? "Server" : "Choice");
    }
    for (const pre of root.querySelectorAll("pre:not([tabindex])")) pre.tabIndex = 0;
  };
  new MutationObserver(help).observe(root, { childList: true, subtree: true });
  const ui = SwaggerUIBundle({
    spec,
    domNode: root,
    deepLinking: false, // its links would stand inside buttons
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    filter: true,
    syntaxHighlight: false,
    validatorUrl: null,
    onComplete: () => root.dataset.token && ui.preauthorizeApiKey("bearerAuth", root.dataset.token),
  });
})();
