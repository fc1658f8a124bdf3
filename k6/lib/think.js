// How long a person takes before the next click, in seconds: never the same twice, so that
// virtual users do not fall into step.
export function think(least, most) {
  return least + Math.random() * (most - least);
}
