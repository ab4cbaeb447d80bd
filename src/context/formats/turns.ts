import type { ChatMessage, ToolCall } from '../../messages';
import { CallIds, type IdRules } from './call-ids';
import { type Content, readContent, textOf } from './parts';

/** A chat message; with its id, where the format has a place for it. */
export type FormatMessage = ChatMessage & { id?: string };

interface Result extends Content {
  /** The tool failed: `metadata.is_error` of the message. */
  failed: boolean;
}

export interface Call {
  id: string;
  name: string;
  arguments: string;
  result?: Result;
}

/** A message with the results of its calls. */
export interface FormatTurn extends Content {
  role: 'system' | 'developer' | 'user' | 'assistant';
  calls: Call[];
  message: FormatMessage;
}

interface Options extends IdRules {
  /** Whether a call without a result stays a call; else it becomes text. */
  openCalls: 'call' | 'text';
}

/**
 * The history with every call beside its result, since providers reject half of one: a result follows its call at once,
 * a result whose call is not here is left out, and a call without a result becomes text (unless the format has a place
 * for it). A result of old that names only its tool answers the newest open call of that tool, else it becomes text.
 */
export function toTurns(messages: FormatMessage[], options: Options): FormatTurn[] {
  const ids = new CallIds(options);
  const open = new Map<string, Call>();
  const turns = messages.flatMap((message) => {
    if (message.role === 'tool') return toResult(message, open);
    const calls = message.role === 'assistant' ? (message.tool_calls ?? []).map((call) => toCall(call, ids, open)) : [];
    return [{ ...readContent(message.content), role: message.role, calls, message }];
  });
  return options.openCalls === 'call' ? turns : turns.map(withoutOpenCalls);
}

/** Messages of the system and of the developer as one text, for formats that take them apart. */
export function toSystemText(turns: FormatTurn[]): string | undefined {
  const texts = turns.filter(isInstruction).map(({ parts }) => textOf(parts));
  return texts.filter((text) => text.trim()).join('\n\n') || undefined;
}

export const isInstruction = ({ role }: FormatTurn) => role === 'system' || role === 'developer';

/** Ids may come again later: a result belongs to the newest call before it that is still open. */
function toCall({ id, function: called }: ToolCall, ids: CallIds, open: Map<string, Call>): Call {
  const call = { id: ids.next(id), name: called.name, arguments: called.arguments };
  open.delete(id);
  open.set(id, call);
  return call;
}

function toResult(message: FormatMessage, open: Map<string, Call>): FormatTurn[] {
  const { tool_call_id, metadata } = message;
  const named = typeof metadata?.tool_name === 'string' ? metadata.tool_name : (message.name ?? 'a tool');
  const found = [...(tool_call_id ? [] : open)].findLast(([, call]) => call.name === named);
  const key = tool_call_id ?? found?.[0];
  const call = key === undefined ? undefined : open.get(key);
  const content = readContent(message.content);
  if (call) {
    call.result = { ...content, failed: metadata?.is_error === true };
    open.delete(key as string);
  }
  if (call || tool_call_id) return [];
  const text = `Result of ${named}: ${textOf(content.parts)}`;
  return [
    { role: 'user', parts: [{ type: 'text', text }], plain: true, calls: [], message: { role: 'user', metadata: {} } },
  ];
}

function withoutOpenCalls(turn: FormatTurn): FormatTurn {
  const lost = turn.calls.filter(({ result }) => !result);
  if (lost.length === 0) return turn;
  const texts = lost.map(({ name, arguments: text }) => `Called ${name}(${text}), which gave no result.`);
  const parts = [...turn.parts, ...texts.map((text) => ({ type: 'text' as const, text }))];
  return { ...turn, parts, calls: turn.calls.filter(({ result }) => result) };
}
