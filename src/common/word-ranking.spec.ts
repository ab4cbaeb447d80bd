import { rank, wordsOf } from './word-ranking';

describe('wordsOf', () => {
  it.each([
    ["What's my name?", ['name']],
    ['The variables: df_sales, totalCost', ['variable', 'df', 'sale', 'total', 'cost']],
    ['Straße GRÜN', ['straße', 'grün']],
    ['猫が好き', ['猫', 'が', '好', 'き']],
    ['class 7', ['class', '7']],
    ['', []],
  ])('of %j are %j', (text, words) => expect(wordsOf(text)).toEqual(words));
});

describe('rank', () => {
  const TEXTS = ['My name is Alice', 'The weather in Tokyo', 'My cat has a name: Tom', 'weather weather weather'];

  it('puts the text with more of the rare words first', () => {
    expect(rank('the name of my cat', TEXTS)).toEqual([2, 0]);
    expect(rank('weather of Tokyo', TEXTS)[0]).toBe(1);
  });

  it('prefers the later of equals', () => expect(rank('blue', ['blue', 'red', 'blue'])).toEqual([2, 0]));

  it('finds nothing where no word is shared', () => {
    expect(rank('planets', TEXTS)).toEqual([]);
    expect(rank('what is it?', TEXTS)).toEqual([]);
    expect(rank('name', [])).toEqual([]);
  });

  it('looks for the beginning of a long question only: its words times the texts are the work', () => {
    const long = Array.from({ length: 100_000 }, (_, n) => `word${n}`).join(' ');
    expect(rank(`lisbon ${long}`, ['trip to Lisbon'])).toEqual([0]);
    expect(rank(`${long} lisbon`, ['trip to Lisbon'])).toEqual([]);
  });
});
