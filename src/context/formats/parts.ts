import { isObject } from '../../http/request/fields';

type Detail = 'low' | 'high' | 'auto' | 'original';

/** One piece of a content, whatever provider's shape it was stored in. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'refusal'; refusal: string }
  | { type: 'image'; url: string; detail?: Detail }
  | { type: 'file'; url: string; filename?: string }
  | { type: 'other'; source: Record<string, unknown> };

export interface Content {
  parts: Part[];
  /** It was a string (or nothing), not an array of parts. */
  plain: boolean;
}

export function readContent(content: unknown): Content {
  if (Array.isArray(content)) return { parts: content.filter(isObject).map(readPart), plain: false };
  if (isObject(content)) return { parts: [readPart(content)], plain: false };
  return { parts: typeof content === 'string' ? [{ type: 'text', text: content }] : [], plain: true };
}

const readers: Record<string, (part: Record<string, unknown>) => Part | undefined> = {
  refusal: ({ refusal }) => (typeof refusal === 'string' ? { type: 'refusal', refusal } : undefined),
  image_url: ({ image_url, detail }) =>
    isObject(image_url) ? toImage(image_url.url, image_url.detail) : toImage(image_url, detail),
  input_image: ({ image_url, detail }) => toImage(image_url, detail),
  image: ({ source, image }) => toImage(isObject(source) ? urlOf(source) : image),
  document: ({ source, title }) => (isObject(source) ? toFile(urlOf(source), title) : undefined),
  input_file: ({ file_data, file_url, filename }) => toFile(file_data ?? file_url, filename),
  file: ({ file, url, mediaType, filename }) => {
    if (isObject(file)) return toFile(file.file_data, file.filename);
    return typeof mediaType === 'string' && /^image(\/|$)/.test(mediaType) ? toImage(url) : toFile(url, filename);
  },
};

/** A part in the shape of any of the formats; what is none of them stays as it is. */
export function readPart(part: Record<string, unknown>): Part {
  const read = typeof part.type === 'string' && Object.hasOwn(readers, part.type) ? readers[part.type] : undefined;
  if (!read && typeof part.text === 'string') return { type: 'text', text: part.text };
  return read?.(part) ?? { type: 'other', source: part };
}

/** The text of the parts, one a line; what is no text is named by its type, and no address in it is opened. */
export const textOf = (parts: Part[]) => parts.map(textOfPart).filter(Boolean).join('\n');

export function textOfPart(part: Part): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'refusal') return part.refusal;
  const type = part.type === 'other' ? part.source.type : part.type;
  return typeof type === 'string' ? `[${type.replace(/\s+/g, ' ').slice(0, 64)}]` : '';
}

/** The parts as they are stored: in the shape of the chat completions, and only text as a string. */
export function toStoredContent(parts: Part[]): string | object[] {
  if (parts.length === 0) return '';
  return parts.length === 1 && parts[0].type === 'text' ? parts[0].text : parts.map(toStoredPart);
}

export function toStoredPart(part: Part): object {
  if (part.type === 'text') return { type: 'text', text: part.text };
  if (part.type === 'refusal') return { type: 'refusal', refusal: part.refusal };
  if (part.type === 'other') return part.source;
  if (part.type === 'image') {
    const detail = part.detail && part.detail !== 'auto' ? { detail: part.detail } : {};
    return { type: 'image_url', image_url: { url: part.url, ...detail } };
  }
  return { type: 'file', file: { file_data: part.url, ...(part.filename ? { filename: part.filename } : {}) } };
}

/** What a data URL in base64 holds. */
export function readDataUrl(url: string): { mediaType: string; data: string } | undefined {
  const comma = url.indexOf(',');
  const head = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64$/i.exec(url.slice(0, Math.min(comma, 256)));
  const data = url.slice(comma + 1);
  return head && data ? { mediaType: head[1].toLowerCase(), data } : undefined;
}

function toImage(url: unknown, detail?: unknown): Part | undefined {
  if (typeof url !== 'string' || !isAddress(url, 'image/')) return undefined;
  const known = detail === 'low' || detail === 'high' || detail === 'auto' || detail === 'original';
  return { type: 'image', url, ...(known ? { detail } : {}) };
}

function toFile(url: unknown, filename: unknown): Part | undefined {
  if (typeof url !== 'string' || !isAddress(url, '')) return undefined;
  return { type: 'file', url, ...(typeof filename === 'string' && filename ? { filename } : {}) };
}

/** Of the web, or a data URL of the media type. */
function isAddress(url: string, mediaType: string): boolean {
  if (/^https?:\/\//i.test(url)) return URL.canParse(url);
  return readDataUrl(url)?.mediaType.startsWith(mediaType) ?? false;
}

function urlOf(source: Record<string, unknown>): unknown {
  if (source.type !== 'base64') return source.url;
  const { media_type, data } = source;
  return typeof media_type === 'string' && typeof data === 'string' ? `data:${media_type};base64,${data}` : undefined;
}
