// What there is to open: ids that the seed wrote into the JSON file that K6_IDS names (an absolute path).
const ids = __ENV.K6_IDS ? JSON.parse(open(__ENV.K6_IDS)) : { long_tickets: [] };
const ONE_IN = 4;

// Every fourth time, somebody follows a link to one of the longest conversations; else null.
export function longTicket(iteration) {
  const all = ids.long_tickets;
  if (all.length === 0 || iteration % ONE_IN !== 0) return null;
  return all[Math.floor(Math.random() * all.length)];
}
