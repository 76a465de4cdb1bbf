const SVG = "http://www.w3.org/2000/svg";

/** Create an element: attributes by name, children as nodes or text. */
function node(tag, attributes, ...children) {
  const element = ["svg", "path", "line", "circle"].includes(tag)
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Whether the page is dark: the book's theme, JupyterLab, VS Code, Colab, else the system. */
function isDark() {
  const html = document.documentElement;
  const body = document.body;
  const named = html.dataset.theme || html.getAttribute("theme");
  if (named === "dark" || named === "light") return named === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.className.includes("vscode-")) return !body.className.includes("vscode-light");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keep data-dark of the figure equal to the page's theme; returns what ends it. */
function followTheme(figure) {
  const update = () => {
    figure.dataset.dark = isDark() ? "1" : "0";
  };
  const observer = new MutationObserver(update);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const attributeFilter = ["data-theme", "theme", "class", "data-jp-theme-light"];
  for (const watched of [document.documentElement, document.body]) {
    observer.observe(watched, { attributes: true, attributeFilter });
  }
  system.addEventListener("change", update);
  update();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", update);
  };
}
