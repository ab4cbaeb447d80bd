import { inOrder, numbered, sql } from './sql';

describe('Named parameters', () => {
  it('become numbers in the order in which they come first', () => {
    const statement = sql<'orgId' | 'id' | 'name'>('spec_rename')`
      UPDATE threads SET name = :name WHERE org_id = :orgId AND id = :id AND name <> :name`;
    expect(statement.text.trim()).toBe('UPDATE threads SET name = $1 WHERE org_id = $2 AND id = $3 AND name <> $1');
    expect(inOrder(statement.parameters, { id: 3, orgId: 'acme', name: 'Kyoto', role: 'unused' })).toEqual([
      'Kyoto',
      'acme',
      3,
    ]);
  });

  it('are neither casts nor quoted texts', () => {
    const { text, parameters } = numbered(`SELECT :a::jsonb, 'it''s :b', x::text, to_char(y, 'HH24:MI:SS'), :c1`);
    expect(text).toBe(`SELECT $1::jsonb, 'it''s :b', x::text, to_char(y, 'HH24:MI:SS'), $2`);
    expect(parameters).toEqual(['a', 'c1']);
  });

  it('stand in fragments as well, and backslashes stay', () => {
    const fragment = String.raw`name ~ '^\d+$' AND id = :id`;
    expect(sql<'id'>('spec_fragment')`SELECT ${fragment}`.text).toBe(String.raw`SELECT name ~ '^\d+$' AND id = $1`);
  });

  it('need a value each; undefined is one', () => {
    expect(inOrder(['a', 'b'], { a: undefined, b: null })).toEqual([undefined, null]);
    expect(() => inOrder(['a', 'b'], { a: 1 })).toThrow('The statement needs a value for :b');
  });

  it('a name has one text', () => {
    const make = (text: string) => sql('spec_once')`SELECT ${text}`;
    expect(make('1').name).toBe(make('1').name);
    expect(() => make('2')).toThrow('Two statements are called spec_once');
  });
});
