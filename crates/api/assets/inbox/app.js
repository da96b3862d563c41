// Shows what arrived in the test inbox. Everything received is written as text, never as HTML.
'use strict';

const POLL_MS = 1000;
const SHOWN_MAX = 500;
const list = document.getElementById('requests');
const empty = document.getElementById('empty');
const state = document.getElementById('state');
let since = 0;

document.getElementById('address').textContent = `${location.origin}/inbox/receive`;
document.getElementById('clear').addEventListener('click', clear);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function formatted(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function valueOf(request, name) {
  const found = request.headers.find(([header]) => header === name);
  return found ? found[1] : '';
}

function describe(verdict) {
  if (!verdict) return ['not checked', 'quiet'];
  return [verdict.verdict, verdict.verdict === 'verified' ? 'verified' : 'failed'];
}

function show(request) {
  const [word, className] = describe(request.verdict);
  const event = valueOf(request, 'x-webhook-event') || 'no event';
  const attempt = valueOf(request, 'x-webhook-attempt');
  const details = element('details', undefined, 'request');
  const summary = element('summary');
  summary.append(
    element('strong', event),
    ` · ${request.name} · ${request.at}`,
    attempt ? ` · attempt ${attempt}` : '',
    ` · answered ${request.answered} · `,
    element('span', word, className),
  );
  const inside = element('div');
  inside.append(element('h2', 'Signatures'), signatures(request.verdict));
  inside.append(element('h2', 'Body'), element('pre', formatted(request.body)));
  const headers = request.headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  inside.append(element('h2', 'Headers'), element('pre', headers));
  details.append(summary, inside);
  return details;
}

function signatures(verdict) {
  if (!verdict) return element('p', 'The body names no webhook of this server.');
  const all = element('ul');
  for (const signature of verdict.signatures) {
    const line = element('li');
    line.append(element('code', signature.name), `: ${signature.message}`);
    all.append(line);
  }
  return all;
}

async function refresh() {
  let more = true;
  while (more) {
    const response = await fetch(`/inbox/requests?since=${since}`);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const page = await response.json();
    for (const request of page.data) list.prepend(show(request));
    if (page.next_since < since) list.replaceChildren();
    since = page.next_since;
    more = page.more;
  }
  while (list.children.length > SHOWN_MAX) list.lastElementChild.remove();
  empty.hidden = list.children.length > 0;
}

async function clear() {
  await fetch('/inbox/requests', { method: 'DELETE' });
  list.replaceChildren();
  empty.hidden = false;
}

async function poll() {
  try {
    await refresh();
    const text = 'Refreshes by itself.';
    if (state.textContent !== text) state.textContent = text;
  } catch {
    state.textContent = 'The server does not answer; trying again.';
  }
  setTimeout(poll, POLL_MS);
}

poll();
