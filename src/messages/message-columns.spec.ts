import { getMetadataArgsStorage } from 'typeorm';
import { APPENDED_COLUMNS, MESSAGE_COLUMNS, saidIn, STORED } from './message-columns';
import { Message, type MessageFields } from './message.entity';
import { DeletedMessage } from './remove/deleted-message.entity';

const columnsOf = (entity: typeof Message | typeof DeletedMessage) =>
  getMetadataArgsStorage()
    .columns.filter(({ target }) => target === entity || entity.prototype instanceof (target as typeof MessageFields))
    .map(({ propertyName }) => propertyName);

describe('The columns of a message', () => {
  it('are those of the entity, but for those that a trigger fills in', () =>
    expect([...STORED, 'owner_id', 'search'].sort()).toEqual(columnsOf(Message).sort()));

  it('are all kept in the trash', () => expect(columnsOf(DeletedMessage)).toEqual(expect.arrayContaining(STORED)));

  it('are all read, but for the organization and the hash of the request', () => {
    const read = [...MESSAGE_COLUMNS.matchAll(/m\.(\w+)(?=,|$)/g)].map(([, column]) => column);
    expect([...read, 'org_id', 'request_hash'].sort()).toEqual([...STORED].sort());
  });

  it('come out of an append’s JSON with their types, each once', () => {
    expect(saidIn('m').split(', ')).toHaveLength(APPENDED_COLUMNS.split(', ').length - 5);
    expect(saidIn('m')).toContain("(m->>'token_count')::int, (m->>'cost')::numeric");
    expect(saidIn('m', { cost: 'i.cost' })).toContain("(m->>'token_count')::int, i.cost, ");
    expect(saidIn('m')).toContain("m->>'role', m->'content'");
  });
});
