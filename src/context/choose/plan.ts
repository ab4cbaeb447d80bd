import { commonErrors } from '../../common/errors';
import { parseBound } from '../../common/json';
import { counterOf, type Estimator, type MessageCounter, storedCounter } from '../../tokens';
import { SHARED, type ContextRequest, type Shares } from '../context.dto';
import { type Strategy, type StrategyName, strategyOf } from './strategies';

/** No context has more messages than this, nor reads more of a conversation; what is older is found by its words. */
export const MAX_MESSAGES = 1000;

const HOUR_MS = 3_600_000;
const DEFAULT_SHARES: Required<Shares> = { facts: 0.15, summaries: 0.2, retrieved: 0.2, recent: 1 };
const DEFAULTS = { reserve_tokens: 0, min_recent: 3, top_k: 0, step: 10 };
const DEFAULT_TOP_K_WINDOW = 20;

/** A request with everything decided that does not depend on the conversation. */
export interface Plan {
  strategy: Strategy;
  /** Messages of the window; undefined: as many as the budget holds. */
  window?: number;
  /** Tokens; 0: none; undefined: what the session says. */
  budget?: number;
  reserve: number;
  counter: MessageCounter;
  shares: Required<Shares>;
  question?: string;
  facts: boolean;
  topK: number;
  after?: Date;
  minRecent: number;
  step?: number;
  explain: boolean;
  /** Neither window nor budget was named: who asks may not know how long the conversation is (P59). */
  unbounded: boolean;
}

/** @throws VALIDATION_FAILED for what does not go together */
export function toPlan(request: ContextRequest, estimator: Estimator, now = new Date()): Plan {
  check(request);
  const asked = { ...DEFAULTS, ...request };
  const { question, facts, model, top_k: topK } = asked;
  const budget = request.max_tokens ?? request.token_budget;
  const strategy = strategyOf(request.strategy ?? defaultStrategy(request.window, budget));
  return {
    strategy,
    window: request.window ?? strategy.window ?? (topK > 0 ? DEFAULT_TOP_K_WINDOW : undefined),
    budget,
    reserve: asked.reserve_tokens,
    counter: model === undefined ? storedCounter(estimator) : counterOf(model),
    shares: { ...DEFAULT_SHARES, ...request.shares },
    question,
    facts: facts === undefined ? (strategy.facts ?? question !== undefined) : isOn(facts),
    topK,
    after: toAfter(request, now),
    minRecent: asked.min_recent,
    step: isOn(asked.stable) ? asked.step : undefined,
    explain: isOn(request.explain),
    unbounded: budget === undefined && request.window === undefined,
  };
}

/** Who names a budget alone wants it used. */
const defaultStrategy = (window?: number, budget?: number): StrategyName =>
  budget !== undefined && window === undefined ? 'sliding' : 'last_n';

const toAfter = ({ max_age_hours: age, after }: ContextRequest, now: Date) =>
  age === undefined ? parseBound(after) : new Date(now.getTime() - age * HOUR_MS);

const isOn = (value?: boolean | 'true' | 'false') => value === true || value === 'true';

function check(request: ContextRequest): void {
  const { max_tokens, token_budget, strategy, max_age_hours, after, min_recent, stable, step, shares } = request;
  const times = [max_age_hours, after].filter((value) => value !== undefined).length;
  const sum = SHARED.filter((name) => name !== 'recent').reduce((total, name) => total + (shares?.[name] ?? 0), 0);
  const problems: [wrong: boolean, field: string, message: string][] = [
    [
      max_tokens !== undefined && token_budget !== undefined && max_tokens !== token_budget,
      'token_budget',
      'token_budget differs from max_tokens',
    ],
    [strategy === 'time_window' && times !== 1, 'after', 'time_window takes either max_age_hours or after'],
    [strategy !== 'time_window' && times > 0, 'after', 'max_age_hours and after go with time_window only'],
    [min_recent !== undefined && strategy !== 'relevance', 'min_recent', 'min_recent goes with relevance only'],
    [step !== undefined && !isOn(stable), 'step', 'step goes with stable only'],
    [sum > 1, 'shares', 'shares of facts, summaries and retrieved add up to more than 1'],
  ];
  const errors = problems.filter(([wrong]) => wrong).map(([, field, message]) => ({ field, message }));
  if (errors.length > 0) throw commonErrors.VALIDATION_FAILED().with({ errors });
}
