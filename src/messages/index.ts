export { Message, type MessageRole, type MessageRow, type ToolCall } from './message.entity';
export {
  AppendMessage,
  AppendMessages,
  AppendQuery,
  AsOfQuery,
  ChatMessage,
  ClearedThread,
  ListMessagesQuery,
  MessageBatch,
  MessageInput,
  MessageView,
  TruncatedThread,
  TruncateMessages,
  UpdateMessage,
} from './messages.dto';
export { MessagesModule } from './messages.module';
export { answerAppend, ApiAppend, appendBody, AppendControls, withQuery } from './append/append-answer';
export {
  type AppendEvent,
  type AppendOptions,
  type AppendResult,
  AppendService,
  type AppendTarget,
} from './append/append.service';
export { EditsService } from './edit/edits.service';
export {
  type FeedBatch,
  type FeedEvent,
  type FeedPosition,
  FeedService,
  type FollowedThread,
} from './feed/feed.service';
export { EarlierMessage, EarlierTimes, MAX_SEQ } from './import/message-import.dto';
export { type ImportedMessage, MessageImportService } from './import/message-import.service';
export { shownOf, withheld, withinBytes } from './read/page-bytes';
export {
  checkMessageId,
  type ContextWindow,
  cutKeeping,
  MESSAGE_COLUMNS,
  MessagesService,
  type Newest,
  type OutlineRow,
  textOf,
  type ThreadKey,
  toChatMessage,
  toMessageView,
  unitsOf,
} from './read/messages.service';
export { messageViewOf, SessionMessage, toSessionMessage } from './read/session-message.dto';
export { MessageDeletionService } from './remove/message-deletion.service';
export { MessageReplacementService } from './remove/message-replacement.service';
export { MessageTruncationService } from './remove/message-truncation.service';
export { turnInProgress } from './undo/message-undo.service';
