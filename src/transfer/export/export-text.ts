import { textOf } from '../../messages';
import type { ExportedMessage, ExportedSummary, ExportedThread } from './export.repository';
import { toHead, toMessage, toSummary } from './export-views';
import { fence, inline, quote, textBlock } from './markdown';
import type { ExportFormatName } from '../transfer.dto';

/** How an export is written, piece by piece. `index` counts from 0. */
export interface ExportText {
  readonly contentType: string;
  readonly extension: string;
  /** Around the whole, if it may have several conversations. */
  begin(): string;
  end(count: number): string;
  open(thread: ExportedThread, index: number): string;
  summary(summary: ExportedSummary, index: number): string;
  /** Between the summaries and the messages. */
  turn(summaries: number): string;
  message(message: ExportedMessage, index: number): string;
  close(messages: number): string;
}

/** @param many whether there may be several conversations */
export function exportText(format: ExportFormatName, many: boolean): ExportText {
  if (format === 'markdown') return new MarkdownText();
  return format === 'ndjson' ? new JsonLines() : new IndentedJson(many);
}

/** A conversation in each line. */
class JsonLines implements ExportText {
  readonly contentType: string = 'application/x-ndjson; charset=utf-8';
  readonly extension: string = 'ndjson';
  begin = () => '';
  end = (_count: number) => '';
  open = (thread: ExportedThread, _index: number) => `${JSON.stringify(toHead(thread)).slice(0, -1)},"summaries":[`;
  summary = (summary: ExportedSummary, index: number) => (index > 0 ? ',' : '') + JSON.stringify(toSummary(summary));
  turn = (_summaries: number) => '],"messages":[';
  message = (message: ExportedMessage, index: number) => (index > 0 ? ',' : '') + JSON.stringify(toMessage(message));
  close = (_messages: number) => ']}\n';
}

/** As `JSON.stringify(value, null, 2)` writes it: one conversation, or an array of them. */
class IndentedJson implements ExportText {
  readonly contentType = 'application/json; charset=utf-8';
  readonly extension = 'json';
  private readonly margin: string;

  constructor(private readonly many: boolean) {
    this.margin = many ? '  ' : '';
  }

  begin = () => (this.many ? '[' : '');
  end = (count: number) => (this.many ? `${count > 0 ? '\n' : ''}]\n` : '\n');
  open = (thread: ExportedThread, index: number) => {
    const between = this.many ? `${index > 0 ? ',' : ''}\n${this.margin}` : '';
    const head = indented(toHead(thread), this.margin).slice(0, -`\n${this.margin}}`.length);
    return `${between}${head},\n${this.margin}  "summaries": [`;
  };
  summary = (summary: ExportedSummary, index: number) => this.item(toSummary(summary), index);
  turn = (summaries: number) => `${this.endOf(summaries)},\n${this.margin}  "messages": [`;
  message = (message: ExportedMessage, index: number) => this.item(toMessage(message), index);
  close = (messages: number) => `${this.endOf(messages)}\n${this.margin}}`;

  private item(value: object, index: number): string {
    return `${index > 0 ? ',' : ''}\n${this.margin}    ${indented(value, `${this.margin}    `)}`;
  }

  private endOf(count: number): string {
    return count > 0 ? `\n${this.margin}  ]` : ']';
  }
}

/** A line break in JSON text stands between values only: in texts it is written `\n`. */
const indented = (value: object, margin: string) => JSON.stringify(value, null, 2).replaceAll('\n', `\n${margin}`);

const ROLES = { system: 'System', developer: 'Developer', user: 'User', assistant: 'Assistant', tool: 'Tool' };

/** For people to read. Headings are conversations and speakers; nothing that was stored is markup. */
class MarkdownText implements ExportText {
  readonly contentType = 'text/markdown; charset=utf-8';
  readonly extension = 'md';
  begin = () => '';
  end = (_count: number) => '';
  open = (thread: ExportedThread, index: number) => {
    const about = [
      `- Created: ${thread.created_at}`,
      `- Last message: ${thread.updated_at}`,
      ...(thread.session_id === null ? [] : [`- Session: ${inline(thread.session_id)}`]),
    ];
    return `${index > 0 ? '\n---\n\n' : ''}# ${inline(thread.name)}\n\n${about.join('\n')}\n`;
  };
  summary = ({ from_seq, to_seq, content }: ExportedSummary) =>
    `\n${quote(`Summary of messages ${from_seq} to ${to_seq}:\n\n${textBlock(content)}`)}\n`;
  turn = () => '';
  message = (row: ExportedMessage) => {
    const who = [ROLES[row.role], ...(row.name === null ? [] : [`(${inline(row.name)})`])].join(' ');
    const text = textOf(row.content);
    const others = partsWithoutText(row.content).map((part) => fence(JSON.stringify(part), 'json'));
    const calls = (row.tool_calls ?? []).map(({ function: { name, arguments: input } }) =>
      fence(`${name}(${input})`, 'call'),
    );
    const blocks = [...(text ? [textBlock(text)] : []), ...others, ...calls];
    const body = blocks.map((block) => `\n${block}\n`).join('');
    return `\n## ${who}, ${row.client_timestamp ?? row.created_at}\n${body}`;
  };
  close = () => '';
}

const partsWithoutText = (content: unknown): unknown[] =>
  (Array.isArray(content) ? content : content === null || content === undefined ? [] : [content]).filter(
    (part) => textOf(part) === '' && typeof part === 'object',
  ) as unknown[];
