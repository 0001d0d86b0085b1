// Keeps an open page true: changed parts come from the server as HTML, and go into what is there without
// taking away focus, scroll position, or what somebody has typed or marked. Without it the page is a page.
"use strict";

(() => {
  const body = document.body;
  const of = body.dataset.live;
  const say = document.getElementById("connection");
  const SILENT_MS = 7000;   // the server says something every 3 s
  const AGAIN_MS = 1000;
  let source = null;
  let heardAt = Date.now();
  let openedAt = 0;
  let polls = false;
  let asking = false;

  // --- what is told about the connection

  function tell(text) {
    if (say.textContent !== text) say.textContent = text;
    say.hidden = !text;
    body.classList.toggle("stale", Boolean(text));
  }

  function take(found) {
    heardAt = Date.now();
    if (found.down) {
      tell(`This server cannot say how things are: ${found.down}. Trying again.`);
      return;
    }
    if (body.dataset.down) {   // it was made while the sidecar was down: it has no parts
      location.reload();
      return;
    }
    tell("");
    if (found.build !== body.dataset.build) document.getElementById("reload").hidden = false;
    for (const [id, html] of Object.entries(found.parts)) {
      const place = document.getElementById(id);
      if (place) put(place, html);
    }
  }

  // --- new parts into old ones

  function put(place, html) {
    const made = document.createElement("template");
    made.innerHTML = html;
    children(place, made.content);
  }

  function keyOf(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || "" : "";
  }

  function alike(old, fresh) {
    return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
  }

  function children(old, fresh) {
    const keyed = new Map();
    for (const one of old.children) if (keyOf(one)) keyed.set(keyOf(one), one);
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const key = keyOf(wanted);
      let found = key ? keyed.get(key) : at;
      if (found && !alike(found, wanted)) found = null;
      if (found && !key && keyOf(found)) found = null;
      if (!found) {
        old.insertBefore(wanted, at);
        continue;
      }
      if (found !== at) old.insertBefore(found, at);
      else at = at.nextSibling;
      same(found, wanted);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function same(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      const somebodys = name === "open" && old.nodeName === "DETAILS";
      if (!fresh.hasAttribute(name) && !somebodys) old.removeAttribute(name);
    }
    if (old.nodeName !== "INPUT" && old.nodeName !== "SELECT" && old.nodeName !== "TEXTAREA") {
      children(old, fresh);
    }
  }

  // --- where they come from

  function address(once) {
    return `/ui/live?${new URLSearchParams(once ? { of, once: "1" } : { of })}`;
  }

  function open() {
    close();
    openedAt = Date.now();
    source = new EventSource(address(false));
    for (const name of ["parts", "alive", "down"]) {
      source.addEventListener(name, (event) => take(JSON.parse(event.data)));
    }
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) polls = true;   // it was refused
    };
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const reply = await fetch(address(true), { signal: AbortSignal.timeout(4000), cache: "no-store" });
      if (reply.status === 401) location.reload();   // the session is over
      if (reply.ok) take(await reply.json());
      polls = false;   // and events once more, if they come
      if (reply.ok && !source) setTimeout(() => { if (!document.hidden) open(); }, 5 * AGAIN_MS);
    } catch {
      // it is told below that nothing comes
    } finally {
      asking = false;
    }
  }

  function look() {
    if (document.hidden) return;
    const silent = Date.now() - heardAt;
    if (silent > SILENT_MS) tell("Connection lost, trying again.");
    if (polls) {
      close();
      ask();
    } else if (silent > SILENT_MS && Date.now() - openedAt > SILENT_MS / 2) {
      open();   // one that hangs on a server that is no more does not know it
      ask();
    }
  }

  function shown() {
    if (document.hidden) {
      close();
    } else {
      heardAt = Date.now();
      open();
    }
  }

  // --- all of a table marked at once

  for (const all of document.querySelectorAll("[data-all]")) {
    all.closest("[hidden]")?.removeAttribute("hidden");
    all.addEventListener("change", () => {
      const those = document.querySelectorAll(`input[name="${all.dataset.all}"]`);
      for (const one of those) one.checked = all.checked;
    });
  }

  if (of && say) {
    document.addEventListener("visibilitychange", shown);
    setInterval(look, AGAIN_MS);
    open();
  }
})();
