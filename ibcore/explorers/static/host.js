/** A model with anywidget's interface and no kernel behind it. */
class StaticModel {
  constructor(state) {
    this.state = state;
    this.listeners = {};
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    for (const listener of this.listeners["change:" + name] || []) listener();
  }
  save_changes() {}
  on(event, listener) {
    (this.listeners[event] = this.listeners[event] || []).push(listener);
  }
  off(event, listener) {
    this.listeners[event] = (this.listeners[event] || []).filter((f) => f !== listener);
  }
}

/** Bytes of a synchronised trait (DataView or typed array) as float32 numbers. */
function floats(bytes) {
  if (!bytes || !bytes.byteLength) return new Float32Array(0);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * Whether the parser has left an element: something follows it, or all of the page is read.
 * What follows a child of the body does not count, since scripts append to the body at any time.
 */
function isRead(element) {
  if (document.readyState !== "loading" || element.nextSibling) return true;
  let at = element.parentNode;
  for (; at && at.parentNode !== document.body; at = at.parentNode) if (at.nextSibling) return true;
  return false;
}

/** Call back as soon as an element is read; scripts that wait for the whole page are not awaited. */
function whenRead(element, callback) {
  if (isRead(element)) return callback();
  const look = () => {
    if (!isRead(element)) return;
    observer.disconnect();
    document.removeEventListener("readystatechange", look);
    callback();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
  document.addEventListener("readystatechange", look);
}

/** The element of the static page: JSON inside, figure outside. */
function defineElement() {
  if (!root.customElements || root.customElements.get("ib-explorer")) return;
  root.customElements.define(
    "ib-explorer",
    class extends root.HTMLElement {
      connectedCallback() {
        if (this.model) this.show();
        else whenRead(this, () => this.begin());
      }
      begin() {
        const source = this.querySelector('script[type="application/json"]');
        if (!source || this.model || !this.isConnected) return;
        this.model = new StaticModel(JSON.parse(source.textContent));
        if (hasAddress()) this.id = this.model.name = addressName(this);
        this.show();
      }
      show() {
        if (this.close) return;
        const place = node("div");
        this.style.cssText = "display: block; margin-bottom: 16px";
        try {
          this.close = render({ model: this.model, el: place });
          this.replaceChildren(place);
          this.dataset.ready = "1";
        } catch (error) {
          // the poster stays
          this.dataset.ready = "error";
          this.append(node("p", { role: "alert" }, `The figure cannot be drawn: ${error.message}`));
        }
      }
      disconnectedCallback() {
        queueMicrotask(() => {
          // not when it was only moved
          if (this.isConnected || !this.close) return;
          this.close();
          this.close = null;
        });
      }
    },
  );
}
