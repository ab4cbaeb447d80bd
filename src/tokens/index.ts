export { estimateTokens, type Estimator, ESTIMATORS, warmUp } from './estimator';
export { counterOf, type MessageCounter, storedCounter } from './message-counter';
