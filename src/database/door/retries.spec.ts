import { FellSilent } from './database.errors';
import { retrying } from './retries';
import { UnknownOutcome } from './transaction';

const refused = (code: string) => Object.assign(new Error('refused'), { code });
const away = { code: 'STORE_UNAVAILABLE' };

/** An attempt that meets these errors, one after the other, and when each began. */
function attempts(errors: Error[]) {
  const begun: number[] = [];
  const attempt = () => {
    const error = errors[begun.length];
    begun.push(performance.now());
    return error ? Promise.reject(error) : Promise.resolve('done');
  };
  return { attempt, begun };
}

describe('Another attempt', () => {
  it.each(['40P01', '40001'])('comes after a short pause that is never the same: %s', async (code) => {
    const pauses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { attempt, begun } = attempts([refused(code)]);
        expect(await retrying(attempt)).toBe('done');
        return begun[1] - begun[0];
      }),
    );
    // Timers are a millisecond early at most.
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(9);
    expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(1);
  });

  it('is the third at most', async () => {
    const { attempt, begun } = attempts(Array.from({ length: 4 }, () => refused('40P01')));
    await expect(retrying(attempt)).rejects.toMatchObject(away);
    expect(begun).toHaveLength(3);
  });

  it('R2 is the second at most where the first has waited for an answer in vain', async () => {
    const { attempt, begun } = attempts([new FellSilent(35_000), new UnknownOutcome(new FellSilent(35_000))]);
    await expect(retrying(attempt, { repeatable: true })).rejects.toMatchObject(away);
    expect(begun).toHaveLength(2);
  });

  it.each([
    ['whose outcome nobody knows', new UnknownOutcome(new FellSilent(35_000))],
    ['that waited for a connection', new Error('timeout exceeded when trying to connect')],
  ])('does not follow one %s', async (_, error) => {
    const { attempt, begun } = attempts([error]);
    await expect(retrying(attempt)).rejects.toMatchObject(away);
    expect(begun).toHaveLength(1);
  });
});
