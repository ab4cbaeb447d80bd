import { isObject } from '../../../http/request/fields';
import type { ImportFormatName } from '../../transfer.dto';
import { transferErrors } from '../../transfer.errors';
import { fromChatGpt } from './chatgpt';
import { fromMessages, fromOpenAi } from './openai';
import { fromState } from './state';
import type { Fields } from './text';

/** The newest version of our own form. Version 1 is that of saved states (P37). */
export const SCHEMA_VERSION = 2;

/** A conversation in our own form, as far as its file had it; not validated yet. */
interface Draft {
  fields: Fields;
  /** Whether it is an export of ours, so that contents stand there as they are stored. */
  stored: boolean;
}

const CONVERTERS: Record<ImportFormatName, (value: unknown) => Fields | undefined> = {
  throughline: (value) => (isObject(value) ? value : undefined),
  messages: (value) => (Array.isArray(value) ? fromMessages(value) : undefined),
  openai: (value) => (isObject(value) && 'messages' in value ? fromOpenAi(value) : undefined),
  chatgpt: (value) => (isObject(value) && 'mapping' in value ? fromChatGpt(value) : undefined),
  state: (value) => (isObject(value) ? fromState(value) : undefined),
};

/**
 * A conversation of any known form in ours.
 * @throws IMPORT_FORMAT_UNKNOWN, IMPORT_VERSION_UNKNOWN
 */
export function toDraft(value: unknown, format = formatOf(value)): Draft {
  const fields = format && CONVERTERS[format](value);
  if (!fields) throw transferErrors.IMPORT_FORMAT_UNKNOWN();
  const { schema_version: version } = fields;
  if (Number.isSafeInteger(version) && (version as number) > SCHEMA_VERSION) {
    throw transferErrors.IMPORT_VERSION_UNKNOWN(version as number);
  }
  return { fields, stored: format === 'throughline' };
}

function formatOf(value: unknown): ImportFormatName | undefined {
  if (Array.isArray(value)) return 'messages';
  if (!isObject(value)) return undefined;
  if ('mapping' in value) return 'chatgpt';
  if (typeof value.schema_version === 'number' && value.schema_version >= SCHEMA_VERSION) return 'throughline';
  if (STATE_KEYS.some((key) => key in value)) return 'state';
  return 'messages' in value ? 'openai' : undefined;
}

const STATE_KEYS = ['ConversationID', 'conversation_id', 'session_id', 'Messages', 'history'];

/** Whether an array is one conversation, a list of messages, and not a list of conversations. */
export const isHistory = (list: unknown[], format?: ImportFormatName): boolean =>
  format === 'messages' ? !Array.isArray(list[0]) : format === undefined && list.length > 0 && isMessage(list[0]);

/** Whether a value is a message rather than a conversation. */
export const isMessage = (value: unknown): boolean =>
  isObject(value) && ('role' in value || 'sender_role' in value) && !('messages' in value);
