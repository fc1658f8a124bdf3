// The helpdesk's API as a client sees it: one function builds a request, the rest send it.
//
// Every request carries `phase` (see profile.js) and `call`, its short name in thresholds.
// Answers are only parsed after their status was looked at: a broken service is the run's result
// and must never look like a broken script.
import http from 'k6/http';
import { check } from 'k6';

import { phaseNow } from './profile.js';

export const BASE_URL = (__ENV.BASE_URL || `http://127.0.0.1:${__ENV.PORT || 8080}`).replace(/\/+$/, '');
const API = `${BASE_URL}/api/v1`;
const RENEW_AFTER_MS = 10 * 60 * 1000; // access tokens live for 15 minutes
const MOST_COMPLAINTS = 3;
let complaints = 0;

// `options`: { call, phase?, token?, body?, headers? }. `path` may be a `next` link of a list.
function request(method, path, { call, phase, token, body, headers = {} }) {
  const all = { Accept: 'application/json', ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  if (body !== undefined) all['Content-Type'] = 'application/json';
  return [
    method,
    path.startsWith('http') ? path : API + path,
    body === undefined ? null : JSON.stringify(body),
    { headers: all, timeout: '15s', tags: { call, name: call, phase: phase || phaseNow() } },
  ];
}

export function send(method, path, options) {
  return complain(options.call, http.request(...request(method, path, options)));
}

export async function sendAsync(method, path, options) {
  return complain(options.call, await http.asyncRequest(...request(method, path, options)));
}

// Say where to look, but not a thousand times.
function complain(call, response) {
  if (response.status < 200 || response.status >= 400) {
    complaints += 1;
    if (complaints <= MOST_COMPLAINTS) {
      const trace = response.headers['X-Trace-Id'] || '-';
      console.warn(`${call}: ${response.status || response.error} (trace ${trace})`);
    }
  }
  return response;
}

// Return the body of an answer that has `status`, else null; a body that is no JSON is null too.
export function bodyOf(response, status = 200) {
  if (response.status !== status) return null;
  try {
    return response.json();
  } catch (error) {
    return null;
  }
}

// Return `check`'s verdict about an answer. `facts` look at its body; one that cannot even be
// looked for, because the body lacks what it needs, is false.
export function expect(response, status, facts = {}) {
  const body = bodyOf(response, status);
  const claims = { [`${status}`]: () => response.status === status };
  for (const [name, holds] of Object.entries(facts)) {
    claims[name] = () => isTrue(holds, body);
  }
  return check(response, claims, { phase: phaseNow() });
}

function isTrue(holds, body) {
  try {
    return body !== null && Boolean(holds(body));
  } catch (error) {
    return false;
  }
}

// One person's login, renewed before it ends. Not judged: auth_login.js judges logins.
export class Session {
  constructor(account) {
    this.account = account;
    this.loggedInAt = 0;
    this.access = null;
  }

  // Return an access token, or null while nobody can log in.
  token() {
    if (!this.access || Date.now() - this.loggedInAt > RENEW_AFTER_MS) this.logIn();
    return this.access;
  }

  logIn() {
    const { email, password } = this.account;
    const response = send('POST', '/auth/login', {
      call: 'session', phase: 'session', body: { email, password },
    });
    const body = bodyOf(response);
    this.access = body && body.access;
    this.loggedInAt = Date.now();
  }
}
