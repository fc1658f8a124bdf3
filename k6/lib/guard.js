// k6 ends with exit code 0 when an iteration throws (grafana/k6#6480). Here a mistake in a script
// makes the run fail as broken: exit code 110, and a counter whose threshold is zero.
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

const scriptErrors = new Counter('script_errors');

// Wrap a scenario function or a callback, plain or async.
export function guarded(work) {
  return (...given) => {
    try {
      const result = work(...given);
      return result instanceof Promise ? result.catch(broken) : result;
    } catch (error) {
      return broken(error);
    }
  };
}

function broken(error) {
  scriptErrors.add(1);
  exec.test.fail(`the script is at fault: ${error.stack || error}`);
  throw error;
}
