// Comes again by itself when a file is saved, and keeps its place; without it, every link and form works as it stands.
"use strict";
(() => {
  const LOOK_EVERY = 150, WHEN_GONE = 1000; // milliseconds
  const PARTS = ["bar", "trouble", "timeline", "head", "size", "findings"];
  const PANES = ["timeline", "message", "findings"];
  const byId = (id, where = document) => where.getElementById(id);
  let line = Promise.resolve(), waiting = 0;

  const say = (text) => { byId("said").textContent = text; };

  // The mail's frame is as high as the mail, so that there is one scroll bar, which can be kept.
  const fit = () => {
    const frame = byId("mail"), mail = frame && frame.contentDocument;
    if (!mail || !mail.body) return;
    const measure = () => {
      const height = Math.ceil(mail.documentElement.getBoundingClientRect().height);
      if (height > 50) frame.style.height = height + "px";
    };
    measure();
    new ResizeObserver(measure).observe(mail.documentElement);
    mail.addEventListener("keydown", keys);
  };
  const watch = () => {
    const frame = byId("mail");
    if (!frame) return;
    frame.addEventListener("load", fit);
    if (frame.contentDocument && frame.contentDocument.readyState === "complete") fit();
  };

  // The mail itself: the frame stays, and shows the old mail until the new one is there.
  const swapSight = (next) => {
    const now = byId("sight"), then = byId("sight", next), frame = byId("mail"), coming = byId("mail", next);
    if (!now || !then) return;
    if (frame && coming) {
      now.className = then.className;
      frame.title = coming.title;
      const address = new URL(coming.getAttribute("src"), location.href).href;
      if (frame.contentWindow.location.href !== address) frame.contentWindow.location.replace(address);
      else fit();
    } else {
      now.replaceWith(then);
      watch();
    }
  };

  const swap = (next, sameStep, reloaded) => {
    let focused = document.activeElement && document.activeElement.id;
    const writing = reloaded && byId("who") && document.activeElement.matches("#who input, #who select");
    // keys pressed in a mail that goes away would be lost with it
    if (!sameStep && focused === "mail") focused = "message";
    const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
    const kept = PANES.map((id) => [id, byId(id) ? byId(id).scrollTop : 0]);
    const top = window.scrollY;
    for (const id of PARTS) {
      const now = byId(id), then = byId(id, next);
      if (id === "bar" && writing) continue;
      if (now && then) now.replaceWith(then);
      else if (now) now.remove();
      else if (then) byId("message").append(then);
    }
    swapSight(next);
    document.title = next.title;
    document.body.dataset.stamp = next.body.dataset.stamp;
    for (const id of open) if (byId(id)) byId(id).open = true;
    if (focused && byId(focused) && document.activeElement !== byId(focused)) byId(focused).focus({ preventScroll: true });
    for (const [id, scroll] of kept) if (byId(id)) byId(id).scrollTop = id === "message" && !sameStep ? 0 : scroll;
    window.scrollTo(0, top);
    reveal();
  };

  // The current step stays in sight, and nothing else moves for it.
  const reveal = () => {
    const pane = byId("timeline"), current = pane && pane.querySelector("[aria-current]");
    if (!current) return;
    const row = current.getBoundingClientRect(), box = pane.getBoundingClientRect();
    if (row.top < box.top) pane.scrollTop += row.top - box.top - 24;
    else if (row.bottom > box.bottom) pane.scrollTop += row.bottom - box.bottom + 24;
  };

  const stepOf = (address) => new URL(address, location.href).searchParams.get("at");

  // One after the other: a key that is pressed while a page comes means the page that comes.
  const MOST_WAITING = 3;
  const show = (where, options = {}) => {
    if (waiting >= MOST_WAITING) return line;
    waiting += 1;
    line = line.then(() => go(where(), options)).catch(gone).finally(() => { waiting -= 1; });
    return line;
  };
  const go = async (address, { push = false, reloaded = false }) => {
    if (!address) return;
    const answer = await fetch(address, { cache: "no-store" });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !byId("message", next) || !byId("message")) { location.assign(address); return; }
    const sameStep = reloaded || stepOf(next.body.dataset.url) === stepOf(document.body.dataset.url || location.href);
    swap(next, sameStep, reloaded);
    document.body.dataset.url = next.body.dataset.url;
    const said = next.body.dataset.url || address;
    if (push && new URL(said, location.href).href !== location.href) history.pushState(null, "", said);
    else history.replaceState(null, "", said);
    const mistakes = document.querySelectorAll("#trouble .finding").length;
    if (reloaded) say(mistakes ? `Mistakes: ${mistakes}. The last good version is shown.` : "Shown anew.");
    else if (!sameStep) say(document.title);
  };

  const gone = () => {
    const state = byId("state");
    if (!state || state.classList.contains("is-gone")) return;
    state.dataset.was = state.textContent;
    state.classList.add("is-gone");
    state.textContent = "· the preview has stopped: start it again";
  };

  const keys = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    if (event.target.closest && event.target.closest("input, select, textarea, pre, summary")) return;
    const link = { ArrowLeft: "previous", ArrowRight: "following" }[event.key];
    if (!link || !byId("head")) return;
    event.preventDefault();
    show(() => byId(link) && byId(link).href, { push: true });
  };

  document.addEventListener("keydown", keys);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname !== "/" || link.hash) return;
    event.preventDefault();
    const { id, href } = link;
    show(() => (id && byId(id) ? byId(id).href : href), { push: true });
  });
  const choose = (event) => {
    const form = byId("who");
    if (!form || !form.contains(event.target)) return;
    event.preventDefault();
    const said = new URLSearchParams(new FormData(form));
    show(() => "/?" + said, { push: true });
  };
  document.addEventListener("change", choose);
  document.addEventListener("submit", choose);
  window.addEventListener("popstate", () => show(() => location.href));

  const look = async () => {
    let wait = LOOK_EVERY;
    try {
      const answer = await fetch("/stamp", { cache: "no-store" });
      const { stamp } = await answer.json(), state = byId("state");
      if (stamp !== document.body.dataset.stamp) {
        if (byId("message")) await show(() => location.href, { reloaded: true });
        else location.reload();
      } else if (state && state.classList.contains("is-gone")) {
        state.classList.remove("is-gone");
        state.textContent = state.dataset.was;
      }
    } catch {
      wait = WHEN_GONE;
      gone();
    }
    setTimeout(look, wait);
  };

  document.documentElement.classList.add("scripted");
  if (byId("message")) history.replaceState(null, "", document.body.dataset.url || location.href);
  watch();
  reveal();
  setTimeout(look, LOOK_EVERY);
})();
