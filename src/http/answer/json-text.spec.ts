import { JsonText, serializeAnswer } from './json-text';

describe('serializeAnswer', () => {
  it('sends JSON that is made already as it is', () => {
    const text = '{"a": "é漢👩",  "b": 1}';
    expect(serializeAnswer(new JsonText(text, 7))).toBe(text);
  });

  it('makes JSON of everything else', () => {
    for (const answer of [{ text: 'x', version: 1 }, [1], 'text', 0, null, new Date(0)]) {
      expect(serializeAnswer(answer)).toBe(JSON.stringify(answer));
    }
  });
});
