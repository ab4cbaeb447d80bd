import { FailedCall, toProblem } from './model-failure';
import { modelErrors } from './models.errors';

const KEY = 'secret-key-123';
const failure = (status: number, message?: string) => new FailedCall(status, { error: { message } });

describe('toProblem', () => {
  it.each([
    [429, 'MODEL_UNAVAILABLE'],
    [500, 'MODEL_UNAVAILABLE'],
    [200, 'MODEL_UNAVAILABLE'],
    [302, 'MODEL_REFUSED'],
    [400, 'MODEL_REFUSED'],
    [413, 'MODEL_REFUSED'],
  ])('status %d is %s', (status, code) => expect(toProblem(failure(status), KEY).code).toBe(code));

  it('quotes the provider', () =>
    expect(toProblem(failure(400, 'No.'), KEY).message).toBe(
      'The model\'s provider refused the request: status 400, "No".',
    ));

  it.each([`your key ${KEY}`, 'your key sk-abcdef12345', 'sent: Bearer abc.def', `${'x'.repeat(190)} ${KEY}`])(
    'takes keys out of %j',
    (message) => expect(toProblem(failure(400, message), KEY).message).not.toMatch(/secret|sk-abc|abc\.def/),
  );

  it('says nothing of what a provider says of a wrong key', () =>
    expect(toProblem(failure(401, 'Incorrect API key: secr**'), KEY).message).toMatch(/status 401\.$/));

  it('names the code of a network failure, not the address', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' });
    const { message } = toProblem(new Error('Cannot connect', { cause }), KEY);
    expect(message).toContain('ECONNREFUSED');
    expect(message).not.toContain('10.0.0.1');
    expect(toProblem('anything', undefined).code).toBe('MODEL_UNAVAILABLE');
  });

  it('leaves our own errors alone', () => {
    const problem = modelErrors.MODEL_TIMEOUT(5);
    expect(toProblem(problem, KEY)).toBe(problem);
  });
});
