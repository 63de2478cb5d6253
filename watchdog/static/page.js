// Keeps the live part of a page as the server draws it, and says so when it can't.
//
// The server says when asking again makes sense; a hidden tab does not ask at all. Elements are changed in place, so
// that focus, unfolded parts and what somebody is typing stay. Without this file the page works: forms post, links lead on.

const live = document.getElementById("live");
const act = document.getElementById("act");
const lost = document.getElementById("lost");
const lostText = document.getElementById("lost-text");
const pulse = document.getElementById("pulse");
const pulseText = document.getElementById("pulse-text");
const said = document.getElementById("said");
const news = document.getElementById("news");

const ANSWER_WITHIN = 8000; // ms; the server itself gives up on a store after 10 s
const SLOWEST_RETRY = 10000;
const LEAST_PAUSE = 150;
const TICK = 1000;
const SLEPT = 5000; // no tick for so long, and the machine slept
const LATE = 3000; // an answer that is so much later than it was to come, and the page is not live

// --- changing the page in place

const markup = window.trustedTypes
  ? window.trustedTypes.createPolicy("hangwatch", { createHTML: (text) => text })
  : { createHTML: (text) => text };

function parsed(text) {
  return new DOMParser().parseFromString(markup.createHTML(text), "text/html").body;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") || node.id || "" : "";
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function morphAttributes(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    // Whether a part is unfolded is the viewer's affair.
    if (!fresh.hasAttribute(name) && !(old.nodeName === "DETAILS" && name === "open")) old.removeAttribute(name);
  }
}

function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
  const stays = new Set([...fresh.children].map(keyOf).filter((key) => keyed.has(key)));
  let at = old.firstChild;
  const drop = () => {
    const next = at.nextSibling;
    at.remove();
    at = next;
  };
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    // Move as little as may be: an element that is moved loses the focus.
    while (at && (stays.has(key) ? at !== keyed.get(key) : keyOf(at)) && !stays.has(keyOf(at))) drop();
    const match = key ? keyed.get(key) : at;
    if (match && alike(match, wanted)) {
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, wanted);
    } else {
      old.insertBefore(document.adoptNode(wanted), at);
    }
  }
  while (at) drop();
}

function show(text) {
  const before = told();
  const focused = document.activeElement;
  const home = live.contains(focused) ? focused.closest("section")?.id || sectionKey(focused) : null;
  const fresh = parsed(text);
  morphChildren(live, fresh);
  if (home !== null && document.contains(focused)) {
    if (document.activeElement !== focused) focused.focus({ preventScroll: true });
  } else if (home !== null) {
    // What had the focus is gone: keep the reader near where it was.
    const section = [...live.children].find((one) => keyOf(one) === home);
    (section?.querySelector("h2[tabindex]") || live).focus({ preventScroll: true });
  }
  announce(before, told());
}

function sectionKey(element) {
  const section = element.closest("#live > *");
  return section ? keyOf(section) : "";
}

// --- what a screen reader hears: new problems and ended ones, nothing else

function told() {
  return new Map([...live.querySelectorAll("[data-news]")].map((one) => [keyOf(one), one.dataset.news]));
}

function announce(before, after) {
  const fresh = [...after].filter(([key]) => !before.has(key)).map(([, words]) => words);
  const gone = [...before].filter(([key]) => !after.has(key)).map(([, words]) => words);
  const words = [...fresh.map((one) => `New: ${one}`), ...gone.map((one) => `Over: ${one}`)];
  if (words.length) news.textContent = words.length > 3 ? `${words.length} incidents changed` : words.join(". ");
}

// --- asking again and again

let timer = 0;
let failures = 0;
let lastHeard = Date.now();
let every = Number(live.dataset.every || 2000);
let tag = "";
let question = null; // what is asked now: { stop, since }
let again = false;
let broken = live.dataset.broken === "yes";

function address() {
  const here = new URL(location.href);
  here.hash = "";
  here.searchParams.delete("part");
  here.searchParams.append("part", "live");
  return here;
}

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
}

async function ask() {
  if (document.hidden) return;
  if (question) {
    again = true;
    return;
  }
  const from = address().href;
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort("limit"), ANSWER_WITHIN);
  question = { stop, since: Date.now() };
  try {
    const answer = await fetch(from, {
      headers: tag ? { "If-None-Match": tag } : {},
      cache: "no-store",
      signal: stop.signal,
    });
    const text = await answer.text();
    if (from === address().href) heard(answer, text);
    else later(0);
  } catch {
    if (stop.signal.reason === "asleep") later(0);
    else failed(stop.signal.aborted ? "the server does not answer" : "the server can't be reached");
  } finally {
    clearTimeout(limit);
    question = null;
    if (again) {
      again = false;
      later(0);
    }
  }
}

function heard(answer, text) {
  if (answer.status !== 200 && answer.status !== 304) {
    failed(text.trim().slice(0, 300) || `the server answers with ${answer.status}`);
    return;
  }
  const next = Number(answer.headers.get("Hangwatch-Next") || 2000);
  const slowest = Number(answer.headers.get("Hangwatch-Slowest") || 0);
  const age = Number(answer.headers.get("Hangwatch-Age") || 0);
  every = Number(answer.headers.get("Hangwatch-Every") || 2000);
  if (answer.status === 200) {
    if (broken) {
      location.reload();
      return;
    }
    tag = answer.headers.get("ETag") || "";
    show(text);
  }
  if (age > 2 * every + ANSWER_WITHIN) {
    lastHeard = Date.now() - age;
    failed("the store answers too slowly");
    return;
  }
  failures = 0;
  lastHeard = Date.now() - age;
  lost.hidden = true;
  live.classList.remove("stale");
  pulse.className = "pulse on";
  pulseText.textContent = pace(every, slowest);
  later(Math.max(LEAST_PAUSE, next + 20));
}

function pace(every, slowest) {
  if (every > 2000) return `live, each ${(every / 1000).toFixed(0)} s`;
  return slowest > 2000 ? `live, some of it each ${(slowest / 1000).toFixed(0)} s` : "live";
}

function notLive(why) {
  const seconds = Math.round((Date.now() - lastHeard) / 1000);
  pulse.className = "pulse off";
  pulseText.textContent = "not live";
  live.classList.add("stale");
  lostText.textContent = `What you see is ${spoken(seconds)} old: ${why}. It is tried again by itself.`;
  lost.hidden = false;
}

function failed(why) {
  failures += 1;
  notLive(why);
  later(Math.min(SLOWEST_RETRY, 500 * 2 ** Math.min(failures, 5)));
}

function spoken(seconds) {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

function isOld() {
  return Date.now() - lastHeard > every + LATE;
}

function awake() {
  if (isOld()) notLive("this page was asleep");
  failures = 0;
  // What was asked before the sleep may never be answered, and what is asked now must not be asked twice.
  if (question && Date.now() - question.since > LATE) question.stop.abort("asleep");
  else later(0);
}

function seen() {
  if (!document.hidden) {
    awake();
    return;
  }
  clearTimeout(timer);
  pulse.className = "pulse";
  pulseText.textContent = "paused while hidden";
}

document.addEventListener("visibilitychange", seen);
window.addEventListener("online", () => document.hidden || awake());
window.addEventListener("offline", () => document.hidden || notLive("this machine has no network"));
window.addEventListener("pageshow", (event) => event.persisted && awake());

// A laptop that slept may fire no event: its clock jumps instead.
let ticked = Date.now();
setInterval(() => {
  const gap = Date.now() - ticked;
  ticked = Date.now();
  if (document.hidden || live.dataset.broken) return;
  if (gap > SLEPT) awake();
  else if (isOld() && pulse.className === "pulse on") notLive("the server has not answered yet");
}, TICK);

// --- answers, without leaving the page

act.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!button || !window.FormData) return;
  event.preventDefault();
  // A disabled button would lose the focus.
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  const body = new URLSearchParams(new FormData(act, button));
  try {
    const answer = await fetch(button.formAction, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    say(told.said, told.done);
  } catch {
    say("It is not known whether it was done: the server can't be reached", false);
  } finally {
    button.ariaDisabled = null;
    tag = "";
    later(0);
  }
});

let fading = 0;

function say(words, done) {
  said.textContent = words;
  said.className = done ? "said" : "said wrong";
  clearTimeout(fading);
  fading = setTimeout(() => {
    said.textContent = "";
    said.className = "said empty";
  }, 12000);
}

// --- finding runs while typing

let typing = 0;

function find(form) {
  const here = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) here.searchParams.set(name, value);
  history.replaceState(null, "", here);
  act.elements.back.value = here.pathname + here.search;
  tag = "";
  later(0);
}

live.addEventListener("input", (event) => {
  const form = event.target.closest("form.filter");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => find(form), 250);
});
live.addEventListener("submit", (event) => {
  const form = event.target.closest("form.filter");
  if (!form) return;
  event.preventDefault();
  clearTimeout(typing);
  find(form);
});

// --- light and dark

const theme = document.getElementById("theme");

function darkNow() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function label() {
  theme.setAttribute("aria-label", darkNow() ? "Use light colours" : "Use dark colours");
}

theme.hidden = false;
label();
theme.addEventListener("click", () => {
  const next = darkNow() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = `hangwatch_theme=${next}; path=/; max-age=31536000; samesite=lax`;
  label();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);

later(Math.max(LEAST_PAUSE, Number(live.dataset.next)));
