import { HIT_BEGINS, HIT_ENDS, toSnippet } from './snippet';

const hit = (text: string) => `${HIT_BEGINS}${text}${HIT_ENDS}`;

describe('toSnippet', () => {
  it('F49 marks hits and escapes everything else', () => {
    expect(toSnippet(`a ${hit('b')} & c`, 'a b & c')).toBe('a <mark>b</mark> &amp; c');
    expect(toSnippet(`  x  ${hit('b')} "'`, `<x> b "'`)).toContain('<mark>b</mark> &quot;&#39;');
    expect(toSnippet(` script  ${hit('b')}`, '<script> b')).toBe('&lt;script&gt; <mark>b</mark>');
  });

  it('gives letters the case of the original', () => {
    expect(toSnippet(`die ${hit('überraschung')} war`, 'Ja: Die ÜBERRASCHUNG war groß')).toBe(
      'Die <mark>ÜBERRASCHUNG</mark> war',
    );
    // Where lengths differ, small letters stay: İ has two as a small letter.
    expect(toSnippet(`i ${hit('b')}`, 'İ B')).toBe('i <mark>b</mark>');
  });

  it('takes out spaces that were put between characters', () => {
    expect(toSnippet(` 明  日  は ${hit('東')} ${hit('京')}  の`, '明日は東京の')).toContain(
      '明日は<mark>東</mark><mark>京</mark>の',
    );
  });
});
