// Who logs in: the demo's four, or those of the JSON file that K6_USERS names
// (`[{"email", "password", "role"}]`, an absolute path).
import exec from 'k6/execution';

const DEMO = ['OWNER', 'ADMIN', 'AGENT', 'VIEWER'].map((role) => ({
  email: `${role.toLowerCase()}@demo.test`,
  password: 'demo-pass-123',
  role,
}));

const everyone = __ENV.K6_USERS ? JSON.parse(open(__ENV.K6_USERS)) : DEMO;
const writers = everyone.filter(({ role }) => role !== 'VIEWER');
if (writers.length === 0) throw new Error('K6_USERS names nobody who may write');

export function anyone() {
  return pick(everyone);
}

export function anyWriter() {
  return pick(writers);
}

// The same VU is always the same person, so that a session can be kept.
function pick(accounts) {
  return accounts[(exec.vu.idInTest - 1) % accounts.length];
}
