import { isObject } from '../../../http/request/fields';
import { type Fields, nameFrom, present, timeFrom } from './text';

/** Roles of the export; anything else is left out. */
const ROLES = ['system', 'user', 'assistant', 'tool'];

/**
 * One conversation of ChatGPT's `conversations.json`: a tree of nodes, in which every edit or new answer is a branch. The
 * branch that was shown last is taken, from its root to `current_node`.
 */
export function fromChatGpt(value: Fields): Fields {
  const mapping = isObject(value.mapping) ? value.mapping : {};
  const created = timeFrom(value.create_time);
  const source = present({ id: value.conversation_id ?? value.id, model: value.default_model_slug });
  return {
    name: nameFrom(value.title),
    metadata: Object.keys(source).length > 0 ? { chatgpt: source } : {},
    created_at: created,
    updated_at: timeFrom(value.update_time) ?? created,
    status: value.is_archived === true ? 'archived' : 'active',
    messages: branchOf(mapping, value.current_node).flatMap((node) => toMessage(node, created)),
  };
}

/** From the root to the node; without one, along the last child of each. A node is passed once only. */
function branchOf(mapping: Fields, current: unknown): Fields[] {
  const node = (id: unknown) =>
    typeof id === 'string' && Object.hasOwn(mapping, id) && isObject(mapping[id]) ? mapping[id] : undefined;
  const passed = new Set<Fields>();
  let at = node(current) ?? lastLeaf(mapping, node);
  while (at && !passed.has(at)) {
    passed.add(at);
    at = node(at.parent);
  }
  return [...passed].reverse();
}

function lastLeaf(mapping: Fields, node: (id: unknown) => Fields | undefined): Fields | undefined {
  const passed = new Set<Fields>();
  let at = Object.values(mapping)
    .filter(isObject)
    .find((item) => !node(item.parent));
  let last = at;
  while (at && !passed.has(at)) {
    passed.add((last = at));
    at = Array.isArray(at.children) ? node(at.children.at(-1)) : undefined;
  }
  return last;
}

/** Nodes without a message, and messages without content, such as the system's first one, are no messages. */
function toMessage({ message }: Fields, fallback: string | undefined): Fields[] {
  if (!isObject(message) || !isObject(message.author)) return [];
  const { role } = message.author;
  const content = contentOf(message.content);
  if (typeof role !== 'string' || !ROLES.includes(role) || content === undefined) return [];
  const created = timeFrom(message.create_time) ?? fallback;
  const times = { created_at: created, updated_at: timeFrom(message.update_time) ?? created };
  return [{ role, content, metadata: metadataOf(message, message.author), ...times }];
}

/** What is worth keeping of all that is said about a message. */
function metadataOf({ metadata, content }: Fields, { role, name, metadata: ofTool }: Fields): Fields {
  const type = isObject(content) && content.content_type !== 'text' ? content.content_type : undefined;
  return present({
    model: isObject(metadata) ? metadata.model_slug : undefined,
    content_type: type,
    // A result has to name its tool.
    tool_name: role === 'tool' ? nameFrom(name, 'tool') : undefined,
    tool: isObject(ofTool) && Object.keys(ofTool).length > 0 ? ofTool : undefined,
  });
}

function contentOf(content: unknown): unknown {
  if (!isObject(content)) return undefined;
  const { parts, text, result, content_type } = content;
  const said = Array.isArray(parts) ? parts.filter((part) => part !== '' && part !== null) : [text ?? result];
  const known = said.filter((part) => typeof part === 'string' || isObject(part));
  if (known.length === 0) {
    const { content_type: _, parts: __, ...rest } = content;
    return content_type === 'text' || Object.keys(present(rest)).length === 0 ? undefined : toPart(content);
  }
  if (known.every((part) => typeof part === 'string')) return known.join('\n') || undefined;
  return known.map((part) => (typeof part === 'string' ? { type: 'text', text: part } : toPart(part as Fields)));
}

/** An image, a sound, thoughts: what they are is called `type` here. */
function toPart({ content_type, ...rest }: Fields): Fields {
  return { type: typeof content_type === 'string' ? content_type : 'part', ...rest };
}
