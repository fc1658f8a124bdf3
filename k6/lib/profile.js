// Turns a profile of profiles.json into k6 options, and knows which phase the run is in.
//
// Every sample carries the phase in which its request began. Promises hold in `steady` phases;
// `warmup` fills caches and is not judged; a `spike` may be slow, within its own limit, but
// loses nothing; `settle` is the moment after it, when the queue empties.
import exec from 'k6/execution';

const file = JSON.parse(open(import.meta.resolve('../profiles.json')));
const profileName = __ENV.PROFILE || 'smoke';
const steps = file.profiles[profileName];
if (!steps) {
  throw new Error(`PROFILE=${profileName} is not one of ${Object.keys(file.profiles).join(', ')}`);
}

export const PROFILE = profileName;
export const LIMITS = file.limits;

export function phaseNow() {
  let end = 0;
  for (const step of steps) {
    end += step.seconds * 1000;
    if (exec.instance.currentTestRunDuration < end) return step.phase;
  }
  return 'after'; // iterations that finish after the last phase are not judged by their latency
}

export function options(script, thresholds) {
  const { vus } = file.scripts[script];
  return {
    scenarios: {
      [script]: {
        executor: 'ramping-vus',
        startVUs: vus * steps[0].times,
        stages: steps.flatMap((step) => [
          { duration: '0s', target: vus * step.times },
          { duration: `${step.seconds}s`, target: vus * step.times },
        ]),
        gracefulRampDown: '20s',
        gracefulStop: '20s',
      },
    },
    thresholds: { ...common(), ...thresholds },
    summaryTrendStats: ['count', 'min', 'med', 'avg', 'p(90)', 'p(95)', 'p(99)', 'max'],
    insecureSkipTLSVerify: false,
    discardResponseBodies: false,
  };
}

function common() {
  const { failed_ratio: failed, checks_ratio: checks } = file.limits;
  return {
    script_errors: ['count<1'],
    checks: [`rate>${checks}`],
    http_req_failed: [
      `rate<${failed}`,
      // Nothing more is learnt from a service that is down: stop early.
      { threshold: 'rate<0.5', abortOnFail: true, delayAbortEval: '30s' },
    ],
  };
}

// A latency threshold per judged phase of this profile, each with a count beside it: a threshold
// without samples passes in k6, and an empty count does not.
//
// `trend` and `counter` are metric names, `tags` narrows both (`call:login`), `limit` is the key
// in `limits` of profiles.json.
export function promise(script, { trend, counter, limit, tags }) {
  const found = {};
  for (const phase of ['steady', 'spike']) {
    const least = leastSamples(script, phase);
    if (least === 0) continue;
    const limitMs = phase === 'spike' ? file.limits.spike[limit] : file.limits[limit];
    const selector = `{${['phase:' + phase].concat(tags || []).join(',')}}`;
    found[trend + selector] = [`p(95)<${limitMs}`];
    found[counter + selector] = [`count>=${least}`];
  }
  return found;
}

function leastSamples(script, phase) {
  const { vus, least_per_vu_minute: perMinute } = file.scripts[script];
  const seconds = steps
    .filter((step) => step.phase === phase)
    .reduce((sum, step) => sum + step.seconds, 0); // whatever the spike adds is not relied on
  return seconds && Math.max(1, Math.floor((vus * perMinute * seconds) / 60 / (seconds < 30 ? 2 : 1)));
}
