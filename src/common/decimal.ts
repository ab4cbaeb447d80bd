const PLACES = 12;
const LARGEST = 1e12;
const DECIMAL = /^\d{1,13}(\.\d{1,12})?$/;

/** An amount as exact decimal text for `numeric(38,12)`; `undefined` when it is none or would be rounded. */
export function toDecimal(value: unknown): string | undefined {
  const text = typeof value === 'number' ? plain(value) : value;
  const fits = typeof text === 'string' && DECIMAL.test(text) && Number(text) <= LARGEST;
  return fits ? text : undefined;
}

/** The exact sum of two amounts, as the database writes them. */
export function addDecimals(one: string, other: string): string {
  const sum = String(units(one) + units(other)).padStart(PLACES + 1, '0');
  return `${sum.slice(0, -PLACES)}.${sum.slice(-PLACES)}`;
}

function units(amount: string): bigint {
  const [whole, fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(PLACES, '0'));
}

/** A number without an exponent: 1e-7 is "0.0000001". */
function plain(value: number): string | undefined {
  const text = String(value);
  if (!text.includes('e')) return text;
  const fixed = value.toFixed(PLACES);
  return Number(fixed) === value ? fixed : undefined;
}
