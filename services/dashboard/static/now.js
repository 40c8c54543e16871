// The newest /api/state, for those parts of the page that do not ask for it themselves.

let newest = null;
const heard = [];

export function noteState(state) {
  newest = state;
  for (const tell of heard) tell(state);
}

/** null before the first. */
export const now = () => newest;

/** Call `tell` with each. */
export function onState(tell) {
  heard.push(tell);
  if (newest) tell(newest);
}
