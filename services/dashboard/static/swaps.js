// When a version took over, for the marks in curves: kept from the newest /api/state for curves of other answers.

let newest = [];

/** `state`: of /api/state. */
export function noteSwaps({ reward, policy }) {
  const at = (text) => Date.parse(text) / 1000;
  newest = [
    ...reward.versions.filter(({ status }) => status === "published").map(({ version, created_at: when }) => ({ x: at(when), text: `r${version}`, hue: "faint" })),
    ...policy.versions.slice(1).map(({ version, created_at: when }) => ({ x: at(when), text: `π${version}`, hue: "faint" })),
    ...policy.rollbacks.map(({ policy: version, at: when }) => ({ x: at(when), text: `↶ π${version}`, hue: "red" })),
  ].sort((a, b) => a.x - b.x);
}

/** Over time. */
export const swaps = () => newest;

/** Over episodes: π, with r where it is another than its parent's; rollbacks at the episode they went back to. */
export function swapsByEpisode({ versions, rollbacks }) {
  const scored = new Map(versions.map(({ version, reward_version: by }) => [version, by]));
  return [
    ...versions.slice(1).map(({ version, parent, reward_version: by, episodes }) => ({
      x: episodes,
      text: by === scored.get(parent) ? `π${version}` : `π${version} r${by}`,
    })),
    ...rollbacks.map(({ policy, episodes }) => ({ x: episodes, text: `↶ π${policy}`, hue: "red" })),
  ].sort((a, b) => a.x - b.x);
}
