// Shows what arrived in the test inbox. Everything received is written as text, never as HTML.
'use strict';

const POLL_MS = 1000;
const SHOWN_MAX = 500;
const COPIED_MS = 1500;
const WORDS = { verified: '✓ verified', failed: '✗ failed', unchecked: 'not checked' };
const SIGNS = { verified: '✓', failed: '✗' };
const byId = (id) => document.getElementById(id);
const list = byId('requests');
const filters = [...document.querySelectorAll('[data-show]')];
const address = `${location.origin}/inbox/receive`;
let since = 0;
let shown = 'all';
let reachable = true;

byId('address').textContent = address;
byId('copy').addEventListener('click', () => copy(byId('copy'), address));
byId('clear').addEventListener('click', clear);
for (const filter of filters) {
  filter.addEventListener('click', () => {
    shown = filter.dataset.show;
    for (const other of filters) other.setAttribute('aria-pressed', String(other === filter));
    for (const request of list.children) request.hidden = !isWanted(request);
    tell();
  });
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function button(text, click) {
  const made = element('button', text);
  made.type = 'button';
  made.addEventListener('click', () => click(made));
  return made;
}

async function copy(pressed, text) {
  const before = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = 'Copied';
  } catch {
    // Browsers offer the clipboard on https and on this machine only.
    pressed.textContent = 'Not allowed';
  }
  setTimeout(() => (pressed.textContent = before), COPIED_MS);
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

function kindOf(request) {
  return request.verdict ? request.verdict.verdict : 'unchecked';
}

function isWanted(request) {
  return shown === 'all' || request.classList.contains(shown);
}

// ---- One request.

function show(request) {
  const kind = kindOf(request);
  const details = element('details', undefined, `request ${kind}`);
  const summary = element('summary');
  const at = element('time', timeOf(request.at), 'at');
  at.dateTime = request.at;
  at.title = request.at;
  summary.append(
    element('span', WORDS[kind], `mark ${kind}`),
    titleOf(request),
    answerOf(request.answered),
    at,
  );
  details.append(summary);
  details.hidden = !(shown === 'all' || kind === shown);
  // Five hundred closed requests need not be laid out.
  const open = () => details.append(inside(request));
  details.addEventListener('toggle', open, { once: true });
  return details;
}

function answerOf(status) {
  const isSuccess = status >= 200 && status < 300;
  return element('span', `answered ${status}`, isSuccess ? 'answered' : 'answered refused');
}

function timeOf(at) {
  const then = new Date(at);
  const isToday = then.toDateString() === new Date().toDateString();
  return isToday ? then.toLocaleTimeString() : then.toLocaleString();
}

function titleOf(request) {
  const event = valueOf(request, 'x-webhook-event');
  const attempt = valueOf(request, 'x-webhook-attempt');
  const title = element('span', undefined, 'event');
  title.append(element('strong', event || 'No event'));
  if (request.name !== 'default') title.append(element('span', request.name, 'tag'));
  if (attempt && attempt !== '1') title.append(element('span', `attempt ${attempt}`, 'tag again'));
  if (valueOf(request, 'x-webhook-test')) title.append(element('span', 'test', 'tag'));
  return title;
}

function inside(request) {
  const all = element('div', undefined, 'inside');
  const verdict = request.verdict;
  if (verdict && verdict.verdict === 'failed') all.append(element('p', verdict.message, 'why'));
  all.append(
    section('Signatures', signatures(verdict)),
    bodySection(request.body),
    section('Headers', table(request.headers)),
  );
  return all;
}

function section(title, content, ...buttons) {
  const made = element('section');
  const head = element('div', undefined, 'title');
  head.append(element('h2', title), ...buttons);
  made.append(head, content);
  return made;
}

function bodySection(body) {
  const text = element('pre', formatted(body));
  let asReceived = false;
  const toggle = button('As received', () => {
    asReceived = !asReceived;
    text.textContent = asReceived ? body : formatted(body);
    toggle.setAttribute('aria-pressed', String(asReceived));
  });
  toggle.setAttribute('aria-pressed', 'false');
  if (body === '') return section('Body', element('p', 'The request had no body.', 'quiet'));
  return section('Body', text, toggle, button('Copy', (pressed) => copy(pressed, body)));
}

function signatures(verdict) {
  if (!verdict) {
    return element('p', 'Not checked: the body names no webhook of this server.', 'quiet');
  }
  return table(
    verdict.signatures.map(({ name, verdict, message }) => [
      name,
      `${SIGNS[verdict] ?? '–'} ${message}`,
      verdict,
    ]),
  );
}

function table(rows) {
  const made = element('table', undefined, 'pairs');
  const body = element('tbody');
  for (const [name, value, className] of rows) {
    const row = element('tr');
    const head = element('th');
    head.scope = 'row';
    head.append(element('code', name));
    const cell = element('td');
    cell.append(className ? element('span', value, className) : element('code', value));
    row.append(head, cell);
    body.append(row);
  }
  made.append(body);
  return made;
}

// ---- The list.

async function refresh() {
  let more = true;
  while (more) {
    const response = await fetch(`/inbox/requests?since=${since}`);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const page = await response.json();
    if (page.next_since < since) {
      // A server that was started anew counts from the beginning: so does this page.
      list.replaceChildren();
      since = 0;
      continue;
    }
    for (const request of page.data) list.prepend(show(request));
    since = page.next_since;
    more = page.more;
  }
  while (list.children.length > SHOWN_MAX) list.lastElementChild.remove();
}

async function clear() {
  try {
    await fetch('/inbox/requests', { method: 'DELETE' });
    list.replaceChildren();
    tell();
  } catch {
    reachable = false;
    tell();
  }
}

function tell() {
  const count = list.children.length;
  const failed = list.getElementsByClassName('request failed').length;
  const requests = count === 1 ? '1 request' : `${count} requests`;
  let text = failed > 0 ? `${requests}, ${failed} failed` : requests;
  if (count === 0) text = 'Waiting for the first request';
  if (!reachable) text = 'The server does not answer; trying again';
  // Only what is new is read aloud.
  if (byId('state').textContent !== text) byId('state').textContent = text;
  byId('empty').hidden = count > 0;
  byId('none').hidden = count === 0 || [...list.children].some((request) => !request.hidden);
}

async function poll() {
  try {
    await refresh();
    reachable = true;
  } catch {
    reachable = false;
  }
  tell();
  setTimeout(poll, POLL_MS);
}

poll();
