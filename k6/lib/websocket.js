// The WebSocket class of whichever k6 runs this: `k6/websockets` since 1.6, before that only the
// same thing under its old name. CommonJS, because an import cannot be tried.
let found;
try {
  found = require('k6/websockets');
} catch (error) {
  found = require('k6/experimental/websockets');
}

module.exports = { WebSocket: found.WebSocket };
