const UNRELEASED = '## [Unreleased]';

/**
 * The changelog with what was unreleased under a version and a date, and nothing unreleased any more.
 * @throws when nothing is unreleased
 */
export function releaseChangelog(text, version, date) {
  const start = text.indexOf(UNRELEASED);
  if (start < 0) throw new Error(`CHANGELOG.md has no "${UNRELEASED}"`);
  const body = text.slice(start + UNRELEASED.length);
  if (!/^- /m.test(body.split(/^## /m)[0])) throw new Error('CHANGELOG.md says nothing under [Unreleased]');
  return `${text.slice(0, start)}${UNRELEASED}\n\n## [${version}] - ${date}${body}`;
}

/** package.json or package-lock.json with another version; nothing else of the text changes. */
export function withVersion(text, version) {
  const { version: old, packages } = JSON.parse(text);
  const times = packages ? 2 : 1;
  let left = times;
  return text.replace(/^( {2}| {6})"version": "([^"]+)"/gm, (match, indent, found) =>
    found === old && left-- > 0 ? `${indent}"version": "${version}"` : match,
  );
}

/**
 * Whether a version may follow another one: it is a later one, or the same that was never released.
 * @param released whether the current version has a tag
 */
export function mayFollow(version, current, released) {
  const parts = [version, current].map((text) => /^(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number));
  if (!parts[0] || !parts[1]) return false;
  const at = parts[0].findIndex((part, index) => part !== parts[1][index]);
  return at < 0 ? !released : parts[0][at] > parts[1][at];
}
