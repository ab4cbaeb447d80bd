export { AutoSummarizeField, AutoSummarizeProperty } from './auto-summarize.dto';
export {
  bySession,
  byThread,
  checkSessionId,
  checkTarget,
  ConversationTarget,
  eitherOf,
  gateOf,
  notFound,
  ownerOf,
  SessionIdField,
  type SharedSession,
  type Target,
} from './target';
export {
  bestShare,
  EXPIRED,
  inForce,
  present,
  type PrincipalNames,
  SHARE_PERMISSIONS,
  sharedWith,
  type SharePermission,
  sqlForTarget,
  TOUCH,
  touchedBy,
  unexpired,
  visible,
  visibleTo,
  WRITTEN_AT,
} from './thread-access';
export { isMissingSession, SessionWaker } from './session-waking';
export { ThreadCreationService } from './thread-creation.service';
export { type AutoSummarize, Thread, type ThreadStatus } from './thread.entity';
export { GetThreadQuery, THREAD_STATUSES, ThreadView } from './threads.dto';
export { ThreadsModule } from './threads.module';
export { checkOwn, ThreadsService } from './threads.service';
export { CurrentThreadService } from './current/current-thread.service';
export { ThreadListService, toContainment } from './list/thread-list.service';
