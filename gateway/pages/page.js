"use strict";

// Swagger UI over the document that lies in the page itself or, on a gateway, beside it; with samples at each operation.
(async () => {
  const held = document.getElementById("document");
  const spec = held ? JSON.parse(held.textContent) : await (await fetch("docs/document.json")).json();
  const supposed = spec.servers[0].variables.origin.default;
  const home = held ? supposed : location.href.replace(/\/api\/docs.*$/, "");
  spec.servers[0].variables.origin.default = home;

  const samples = (system) => {
    const { createElement, useState } = system.React;
    const Samples = ({ list }) => {
      const [shown, show] = useState(0);
      const tabs = list.map((one, index) => createElement("button",
        { key: one.label, type: "button", "aria-pressed": index === shown, onClick: () => show(index) }, one.label));
      const source = list[shown].source.replaceAll(supposed, home);
      return createElement("div", { className: "samples" },
        createElement("h4", null, "Sample"), createElement("div", null, tabs), createElement("pre", null, source));
    };
    const wrapped = (Original, { specSelectors }) => (props) => {
      const list = specSelectors.specJson().getIn(["paths", props.path, props.method, "x-codeSamples"]);
      return createElement("div", null, list && createElement(Samples, { list: list.toJS() }), createElement(Original, props));
    };
    return { wrapComponents: { responses: wrapped } };
  };

  window.ui = SwaggerUIBundle({
    spec,
    domNode: document.getElementById("page"),
    deepLinking: true,
    displayOperationId: true,
    displayRequestDuration: true,
    docExpansion: "list",
    filter: true,
    plugins: [samples],
    tryItOutEnabled: true,
    validatorUrl: null,
  });
})();
