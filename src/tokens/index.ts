export { estimateTokens, type Estimator, ESTIMATORS, warmUp } from './estimator';
export { contentTokens, counterOf, type MessageCounter, storedCounter } from './message-counter';
