/**
 * Predictions and quizzes of the static page.
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
    for (const list of lists.filter((each) => each.querySelector(":scope > li > details"))) {
      const fieldset = toFieldset(list);
      const live = make("div", "ib-live");
      live.setAttribute("aria-live", "polite");
      fieldset.append(live);
      fieldset.addEventListener("change", (event) => {
        const chosen = event.target.closest(".ib-choice");
        for (const box of fieldset.querySelectorAll(".ib-feedback")) box.hidden = true;
        const feedback = chosen.querySelector(".ib-feedback");
        if (feedback) feedback.hidden = false;
        announce(live, feedback);
      });
    }
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

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
