import { defineErrors } from '../common/errors';

export const messageErrors = defineErrors({
  MESSAGE_NOT_FOUND: [404, (id: string) => `Message ${id} does not exist.`],
  MESSAGE_TOO_LARGE: [413, (bytes: number) => `One message takes at most ${bytes} bytes as JSON.`],
  MESSAGE_ID_CONFLICT: [
    409,
    (id: string) => `The id ${id} belongs to another message. A retry must send the same body.`,
  ],
  MESSAGE_ID_IN_USE: [409, 'The id of a message that should come back belongs to another one meanwhile.'],
  NOTHING_TO_UNDO: [409, 'There is no turn to undo: no message of a user.'],
  NOTHING_TO_REDO: [409, 'There is nothing to redo: nothing was undone, or something was appended or cleared since.'],
  TURN_IN_PROGRESS: [409, 'Another turn of this session is under way. Retry when it has ended.'],
  PARTIAL_RETRY: [409, 'Some of these messages are stored and others have no id of yours: give every message an id.'],
  START_SEQ_CONFLICT: [409, (seq: number) => `At position ${seq} stands another message than the one sent.`],
  SENDER_MISMATCH: [403, 'sender_id names another user: only a service key or an admin may.'],
  TOOL_CALL_UNKNOWN: [400, (id: string) => `No earlier message of the thread calls a tool with the id ${id}.`],
});
