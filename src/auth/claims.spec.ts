import { readClaim } from './claims';

describe('readClaim', () => {
  it('reads a plain claim', () => expect(readClaim({ org_id: 'acme' }, 'org_id')).toBe('acme'));

  it('reaches into objects by a dotted path', () =>
    expect(readClaim({ realm: { org: { id: 'acme' } } }, 'realm.org.id')).toBe('acme'));

  it('prefers the exact name over the path', () =>
    expect(
      readClaim({ 'https://x.example/org': 'acme', 'https://x': { 'example/org': 'no' } }, 'https://x.example/org'),
    ).toBe('acme'));

  it.each(['absent', 'org.name.length', 'constructor.name', '__proto__.x', 'org.toString'])(
    'finds nothing at %s',
    (path) => expect(readClaim({ org: { name: 'acme' } }, path)).toBeUndefined(),
  );
});
