// What a run leaves: a table for people, JSON for `gameday`, JUnit for CI.
//
// Files are written to the folder RESULTS_DIR when it is set (run.sh sets it); the table always shows.
import { BASE_URL } from './api.js';
import { PROFILE } from './profile.js';

const NO_DATA = 'no data';

export function summarise(script) {
  return (data) => {
    const judged = judge(data);
    const result = {
      script,
      profile: PROFILE,
      base_url: BASE_URL,
      ended_at: new Date().toISOString(),
      duration_seconds: data.state.testRunDurationMs / 1000,
      verdict: verdictOf(judged),
      thresholds: judged,
      metrics: data.metrics,
    };
    const text = table(result);
    const files = { stdout: text };
    if (__ENV.RESULTS_DIR) {
      const name = `${__ENV.RESULTS_DIR}/${script}`;
      files[`${name}.json`] = JSON.stringify(result, null, 2);
      files[`${name}.xml`] = junit(result);
      files[`${name}.txt`] = text;
    }
    return files;
  };
}

// The latency rows come first: they are what was promised. k6 lets a threshold without samples
// pass; here no data is never met (its count, which k6 does judge, decides the exit code).
function judge({ metrics }) {
  const rows = [];
  for (const [metric, { thresholds, type, contains, values }] of Object.entries(metrics)) {
    for (const [rule, { ok }] of Object.entries(thresholds || {})) {
      const found = measured(rule, type, contains, values);
      rows.push({ metric, rule, ok: ok && found !== NO_DATA, measured: found });
    }
  }
  const order = (row) => (row.rule.startsWith('p(') ? 0 : 1) + row.metric;
  return rows.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function measured(rule, type, contains, values) {
  if (type === 'trend' && values.count === 0) return NO_DATA;
  const value = values[rule.match(/^[a-z]+(\(\d+\))?/)[0]];
  if (type === 'rate') return `${(value * 100).toFixed(2)} %`;
  return contains === 'time' ? `${value.toFixed(1)} ms` : `${value}`;
}

function verdictOf(judged) {
  if (judged.some(({ metric, ok }) => metric === 'script_errors' && !ok)) return 'broken';
  return judged.every(({ ok }) => ok) ? 'pass' : 'missed';
}

function table({ script, profile, duration_seconds: seconds, verdict, thresholds }) {
  const width = Math.max(...thresholds.map(({ metric }) => metric.length));
  const lines = thresholds.map(({ metric, rule, ok, measured: value }) =>
    `  ${ok ? '✓' : '✗'} ${metric.padEnd(width)}  ${rule.padEnd(14)}  ${value}`);
  return [`${script} · ${profile} · ${seconds.toFixed(0)} s · ${verdict}`, ...lines, ''].join('\n');
}

function junit({ script, duration_seconds: seconds, thresholds }) {
  const cases = thresholds.map(({ metric, rule, ok, measured: value }) => {
    const name = escaped(`${metric} ${rule}`);
    const failure = ok ? '' : `<failure message="${escaped(`measured ${value}`)}"/>`;
    return `  <testcase classname="k6.${script}" name="${name}">${failure}</testcase>`;
  });
  const failed = thresholds.filter(({ ok }) => !ok).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="k6.${script}" tests="${cases.length}" failures="${failed}" time="${seconds}">`,
    ...cases,
    '</testsuite>',
    '',
  ].join('\n');
}

function escaped(text) {
  const names = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };
  return text.replace(/[&<>"]/g, (sign) => `&${names[sign]};`);
}
