export { AutoSummarizeField, AutoSummarizeProperty } from './auto-summarize.dto';
export {
  bySession,
  byThread,
  checkSessionId,
  checkTarget,
  ConversationTarget,
  eitherOf,
  notFound,
  ownerOf,
  SessionIdField,
  type SharedSession,
  type Target,
} from './target';
export {
  bestShare,
  forTargets,
  inForce,
  present,
  type PrincipalNames,
  principalValues,
  SHARE_PERMISSIONS,
  sharedWith,
  type SharePermission,
  sqlForTarget,
  targetValues,
  TOUCH,
  touchedBy,
  unexpired,
  visible,
  visibleThread,
  visibleTo,
  WRITTEN_AT,
} from './thread-access';
export { ThreadCreationService } from './thread-creation.service';
export { type AutoSummarize, Thread, type ThreadStatus } from './thread.entity';
export { GetThreadQuery, THREAD_STATUSES, ThreadView } from './threads.dto';
export { ThreadsModule } from './threads.module';
export { checkOwn, ThreadsService } from './threads.service';
export { CurrentThreadService } from './current/current-thread.service';
export { ThreadListService, toContainment } from './list/thread-list.service';
