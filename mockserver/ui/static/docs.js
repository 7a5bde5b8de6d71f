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
  const ui = SwaggerUIBundle({
    spec,
    domNode: root,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    filter: true,
    validatorUrl: null,
    onComplete: () => root.dataset.token && ui.preauthorizeApiKey("bearerAuth", root.dataset.token),
  });
})();
