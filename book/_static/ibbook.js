/**
 * Predictions, quizzes, marks of claims and search of the static page.
 *
 * Authors write lists and <details> that read well without this script (GitHub, Colab, print).
 * Here they become forms: a prediction must be made before its answer opens, and each option of a
 * quiz shows its own feedback. No kernel, no network; a choice is kept in this browser only.
 */
(function () {
  "use strict";

  let count = 0;

  /** Make an element with a class and children. */
  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  /** Read a kept choice; storage may be forbidden, and a box without a name keeps nothing. */
  function recall(key) {
    try {
      return key && window.localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  /** Keep a choice in this browser, if it allows that. */
  function keep(key, value) {
    try {
      if (key) window.localStorage.setItem(key, value);
    } catch {
      /* private window or file: the page works without memory */
    }
  }

  /** The question of a list: the element before it becomes the legend. */
  function legendOf(list) {
    const before = list.previousElementSibling;
    const legend = make("legend");
    if (before && before.tagName === "P") legend.append(before);
    else legend.append("Choose one:");
    return legend;
  }

  /** Turn a list of options into a fieldset of radio buttons; feedback stays beside its option. */
  function toFieldset(list) {
    const name = `ib-choice-${(count += 1)}`;
    const fieldset = make("fieldset", "", legendOf(list));
    for (const item of list.children) fieldset.append(toOption(item, name));
    list.replaceWith(fieldset);
    return fieldset;
  }

  /** One option: a label with a radio button, then its feedback, hidden. */
  function toOption(item, name) {
    const details = item.querySelector(":scope > details");
    if (details) details.remove();
    const radio = make("input");
    radio.type = "radio";
    radio.name = name;
    const text = make("span", "", ...item.childNodes);
    const option = make("div", "ib-choice", make("label", "ib-option", radio, text));
    if (details) option.append(toFeedback(details));
    return option;
  }

  /** Feedback of an option, announced when it is shown. */
  function toFeedback(details) {
    const right = details.hasAttribute("data-correct");
    const box = make("div", right ? "ib-feedback ib-right" : "ib-feedback");
    const summary = details.querySelector("summary");
    if (summary) summary.remove();
    const mark = make("span", "ib-mark", right ? "✓ Correct. " : "✗ Not this one. ");
    const first = details.querySelector(":scope > p");
    box.append(...details.childNodes);
    if (first) first.prepend(mark);
    else box.prepend(mark);
    box.hidden = true;
    return box;
  }

  /** A quiz: choosing an option shows its feedback and hides the others'. */
  function startQuiz(quiz) {
    const lists = [...quiz.querySelectorAll(":scope > ul")];
    lists.filter((each) => each.querySelector(":scope > li > details")).forEach((list, number) => {
      const kept = quiz.closest(".bd-article") && `ibbook:quiz:${window.location.pathname}:${number}`;
      const fieldset = toFieldset(list);
      const live = make("div", "ib-live");
      live.setAttribute("aria-live", "polite");
      fieldset.append(live);
      fieldset.addEventListener("change", (event) => {
        const feedback = judge(fieldset, event.target);
        announce(live, feedback);
        keep(kept, String([...fieldset.querySelectorAll("input")].indexOf(event.target)));
      });
      const radio = fieldset.querySelectorAll("input")[recall(kept) || -1];
      if (radio) {
        radio.checked = true;
        judge(fieldset, radio);
      }
    });
  }

  /** Show the feedback of the option that was chosen, and no other; return it. */
  function judge(fieldset, radio) {
    for (const box of fieldset.querySelectorAll(".ib-feedback")) box.hidden = true;
    const feedback = radio.closest(".ib-choice").querySelector(".ib-feedback");
    if (feedback) feedback.hidden = false;
    return feedback;
  }

  /** Tell a screen reader what appeared; sighted readers see it beside the option. */
  function announce(live, feedback) {
    live.replaceChildren(make("span", "ib-sr", feedback ? feedback.textContent.trim() : ""));
  }

  /** A prediction: the answer opens only after the reader has committed to one option. */
  function startPrediction(box) {
    const list = box.querySelector(":scope > ul");
    const answer = box.querySelector(":scope > details");
    if (!list || !answer) return;
    const key = box.dataset.id && `ibbook:predict:${box.dataset.id}`;
    const fieldset = toFieldset(list);
    const radios = [...fieldset.querySelectorAll("input")];
    const button = make("button", "ib-button", "Commit to this answer");
    button.type = "button";
    button.disabled = true;
    fieldset.after(button);
    answer.hidden = true;
    fieldset.addEventListener("change", () => (button.disabled = false));
    button.addEventListener("click", () => {
      const index = radios.findIndex((radio) => radio.checked);
      keep(key, String(index));
      commit(radios, button, answer);
      answer.querySelector("summary").focus();
    });
    const kept = radios[Number.parseInt(recall(key) || "-1", 10)];
    if (kept) {
      kept.checked = true;
      commit(radios, button, answer);
    }
  }

  /** Freeze the choice and open the answer. */
  function commit(radios, button, answer) {
    for (const radio of radios) radio.disabled = true;
    button.remove();
    answer.hidden = false;
    answer.open = true;
    const chosen = radios.find((radio) => radio.checked).closest("label").textContent.trim();
    const summary = answer.querySelector("summary");
    summary.textContent = `You said: ${chosen}. What happens`;
  }

  /** A schematic that moves: once when it is first seen, for five seconds at most, and on demand. */
  function startMotion(figure) {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const drawing = figure.querySelector("svg");
    const play = () => {
      drawing.classList.remove("ib-plays");
      drawing.getBoundingClientRect(); // else the browser sees no change, and nothing moves again
      drawing.classList.add("ib-plays");
    };
    const button = make("button", "ib-button", "▶ Play");
    button.type = "button";
    button.addEventListener("click", play);
    figure.querySelector("figcaption").append(button);
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      play();
    }, { threshold: 0.6 });
    seen.observe(drawing);
  }

  const LEGEND = "✓ agrees with the paper · ≈ in direction · ≠ contradicts it · ~ related · + beyond it";
  const SVG = "http://www.w3.org/2000/svg";
  let card = null;

  /** Make an element of a drawing. */
  function draw(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  /** A row for each value: its interval as a bar, itself as a dot, and what was expected as a zone. */
  function drawIntervals(values, intervals, expected) {
    const bounds = /^(above|below|between) (\S+?)(?: and (\S+?))?;?$/.exec(expected.split(";")[0]) || [];
    const [from, to] = [bounds[2], bounds[3]].map(Number.parseFloat);
    const all = [...values, ...intervals.flat(), from, to].filter(Number.isFinite);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const x = (value) => 20 + (220 * (value - low)) / (high - low || 1);
    const height = 20 * values.length + 8;
    const svg = draw("svg", { viewBox: `0 0 260 ${height}`, class: "ib-interval", "aria-hidden": "true" });
    if (bounds[1]) {
      const start = bounds[1] === "below" ? 0 : x(from);
      const end = { above: 260, below: x(from), between: x(to) }[bounds[1]];
      svg.append(draw("rect", { x: start, width: end - start, y: 0, height }));
    }
    values.forEach((value, row) => {
      const y = 14 + 20 * row;
      const [a, b] = intervals[row] || [value, value];
      svg.append(draw("path", { d: `M${x(a)} ${y}H${x(b)}` }), draw("circle", { cx: x(value), cy: y, r: 5 }));
    });
    return svg;
  }

  /** A mark of a claim opens a small card; its link leads to the ledger. */
  function openClaim(link) {
    const badge = link.querySelector(".ib-badge");
    const [verdict, value, spread, ...rest] = link.title.split("; ");
    const numbers = (text) => text.split(", ").map(Number.parseFloat);
    const interval = (spread || "").replace("95 % interval ", "");
    const { expect = "", run = "" } = badge.dataset;
    const to = (text, href) => Object.assign(make("a", "", text), { href });
    const links = make("p", "", to("In the ledger", link.href));
    const code = document.querySelector("a.btn-source-repository-button");
    const lab = run.split(".")[0];
    if (code && run) links.append(" · ", to("Open the code", `${code.href}/tree/HEAD/ibcore/${lab}/experiments`));
    if (!card) {
      card = make("div", "ib-claim-card");
      card.popover = "auto";
      card.tabIndex = -1;
      card.setAttribute("role", "dialog");
      card.setAttribute("aria-label", "What stands behind this number");
      document.querySelector(".bd-article").append(card);
    }
    card.replaceChildren(make("p", "", make("strong", "", `${badge.textContent} ${verdict}`)));
    if (interval) {
      const pairs = interval.split(", ").map((pair) => pair.split(" to ").map(Number.parseFloat));
      card.append(drawIntervals(numbers(value), pairs, expect));
      card.append(make("p", "", `${value}, with 95 % interval ${interval}`));
    }
    card.append(make("p", "", rest.join(", ")));
    const shaded = card.querySelector("rect") ? " (shaded)" : "";
    if (expect) card.append(make("p", "", `Expected${shaded}: ${expect.split(";")[0]}.`));
    if (run) card.append(make("p", "", "To repeat: ", make("code", "", `python -m ibcore run ${run}`)));
    card.append(links, make("p", "ib-legend", LEGEND));
    card.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      card.hidePopover();
      link.focus();
    };
    card.showPopover();
    const [box, own] = [link.getBoundingClientRect(), card.getBoundingClientRect()];
    const left = Math.min(box.left, document.documentElement.clientWidth - own.width - 8);
    card.style.left = `${window.scrollX + Math.max(8, left)}px`;
    card.style.top = `${window.scrollY + box.bottom + 6}px`;
    card.focus();
  }

  /** A click with a key held down still opens the ledger where the reader wants it. */
  function onClaim(event) {
    const link = event.target.closest(".bd-article a.ib-claim");
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !plain || !("popover" in HTMLElement.prototype)) return;
    event.preventDefault();
    openClaim(link);
  }

  /** The excerpt of a page that was found begins with the sentence that holds the word. */
  function beginWithSentence() {
    if (typeof Search === "undefined") return;
    Search.makeSearchSummary = (page, keywords, anchor) => {
      const tree = new DOMParser().parseFromString(page, "text/html");
      tree.querySelectorAll(".ib-sr, script, style").forEach((each) => each.remove());
      const found = anchor && tree.getElementById(anchor.slice(1));
      const parts = found ? [found, found.parentElement] : [tree.querySelector("article")];
      const words = [...keywords].map((word) => word.toLowerCase());
      for (const each of parts.flatMap((part) => [...(part ? part.querySelectorAll("p, li, dd") : [])])) {
        const text = each.textContent.replace(/\s+/g, " ").trim();
        const place = Math.max(...words.map((word) => text.toLowerCase().indexOf(word)));
        if (place >= 0) return make("p", "context", sentenceAt(text, place));
      }
      return make("p", "context");
    };
  }

  /** What begins with the sentence that holds a place of a text, cut between words. */
  function sentenceAt(text, place) {
    const ends = [...text.slice(0, place).matchAll(/[.?!] (?=[A-Z“])/g)].map((end) => end.index + 2);
    const rest = text.slice(Math.max(0, ...ends));
    return rest.length <= 240 ? rest : `${rest.slice(0, 240).replace(/\s\S*$/, "")}…`;
  }

  /** A formula that is wider than its column is set smaller, down to the size of small print. */
  function fitFormulas() {
    for (const each of document.querySelectorAll('mjx-container[display="true"]')) {
      each.style.zoom = "";
      const share = each.clientWidth / each.scrollWidth;
      if (share < 1) each.style.zoom = Math.max(0.6, 0.99 * share);
    }
  }

  /** Fit the formulas once they are typeset, and whenever the window has another width. */
  function watchFormulas() {
    const script = document.querySelector('script[src*="tex-chtml"]');
    const typeset = () => window.MathJax?.startup?.promise?.then(fitFormulas);
    script?.addEventListener("load", typeset);
    typeset();
    window.addEventListener("resize", fitFormulas);
  }

  function start() {
    document.addEventListener("click", onClaim);
    watchFormulas();
    document.querySelectorAll("figure.ib-schematic:has([style*='--d:'])").forEach(startMotion);
    document.querySelectorAll(".ib-quiz").forEach(startQuiz);
    document.querySelectorAll(".ib-predict").forEach(startPrediction);
    document.documentElement.dataset.ibbook = "ready";
  }

  // From a file a page may not fetch another, so search lists titles without excerpts.
  if (window.location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  // On paper nothing can be unfolded: open what is folded while a page is printed.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
  });

  document.addEventListener("DOMContentLoaded", beginWithSentence); // when every script has run
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
