// Ten people log in, see who they are, and log out. Promise: 95 % of logins within 350 ms.
import { sleep } from 'k6';
import { anyone } from './lib/accounts.js';
import { bodyOf, expect, send } from './lib/api.js';
import { guarded } from './lib/guard.js';
import { options as optionsOf, promise } from './lib/profile.js';
import { summarise } from './lib/report.js';
import { think } from './lib/think.js';

const SCRIPT = 'auth_login';

export const options = optionsOf(
  SCRIPT,
  promise(SCRIPT, {
    trend: 'http_req_duration', counter: 'http_reqs', limit: 'http_p95_ms', tags: ['call:login'],
  }),
);
export const handleSummary = summarise(SCRIPT);

export default guarded(() => {
  const { email, password } = anyone();
  const response = send('POST', '/auth/login', { call: 'login', body: { email, password } });
  const isIn = expect(response, 200, {
    'login gives both tokens': (body) => body.access && body.refresh && body.access !== body.refresh,
    'login names the user': ({ user }) => user.email === email && user.id && user.name && user.role,
  });
  if (isIn) useAndEnd(bodyOf(response), email);
  sleep(think(1, 2));
});

function useAndEnd({ access, refresh }, email) {
  const me = send('GET', '/auth/me', { call: 'me', token: access });
  expect(me, 200, { 'the token is the user’s': (body) => body.email === email });
  sleep(think(0.5, 1));
  const end = send('POST', '/auth/logout', { call: 'logout', token: access, body: { refresh } });
  expect(end, end.status === 200 ? 200 : 204);
}
