import { isObject } from '../http/request/fields';
import type { Json } from '../common/json';

type Metadata = Record<string, unknown>;

/** A caller's content as it is stored: text becomes a part (F17), `content.metadata` moves to the metadata (F19). */
export function toStored(content: unknown, metadata: Metadata = {}): { content?: Json; metadata: Metadata } {
  if (content === undefined) return { metadata };
  if (typeof content === 'string') return { content: { type: 'text', text: content }, metadata };
  if (!isObject(content) || !isObject(content.metadata)) return { content: content as Json, metadata };
  const { metadata: inner, ...rest } = content;
  if (Object.keys(inner).length === 0 && Object.keys(metadata).length === 0)
    return { content: content as Json, metadata };
  return { content: rest as Json, metadata: Object.keys(metadata).length > 0 ? metadata : inner };
}

/** The stored content as thread routes show it: with the metadata in it, where it is an object (F19). */
export function toShown(content: Json, metadata: Metadata): unknown {
  const hasPlace = isObject(content) && Object.keys(metadata).length > 0;
  return hasPlace ? { ...content, metadata } : content;
}

/**
 * The stored content as a model takes it: plain text where it is only text, else an array of parts.
 * An object that is no part of any type and holds no text is nothing to a model: `""` (F31).
 */
export function toChatContent(content: Json): unknown {
  if (!isObject(content)) return content;
  if (typeof content.text === 'string' && Object.keys(content).every((key) => key === 'type' || key === 'text'))
    return content.text;
  return typeof content.type === 'string' ? [content] : (content.text ?? '');
}

/** All text of a content, for counting tokens and for the prompt format. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join('\n');
  return isObject(content) && typeof content.text === 'string' ? content.text : '';
}
