import { applyDecorators, Body, Controller, Delete, Get, Put, Query, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import type { Principal } from '../organizations';
import { Id, IfMatch } from '../http/request/decorators';
import { ETagInterceptor } from '../http/answer/etag.interceptor';
import {
  ClearedMemory,
  ClearMemoryQuery,
  DeletedMemory,
  FoundMemories,
  ListMemoriesQuery,
  MemoryBatch,
  MemoryHistory,
  MemoryHistoryQuery,
  MemoryList,
  MemoryMap,
  MemoryMapQuery,
  MemoryView,
  SaveMemories,
  SaveMemory,
  ScopeQuery,
  SearchMemoriesQuery,
} from './memory.dto';
import { Controls, CreatedInterceptor, inSession, Owner, type SaveControls, unconditional } from './memory-request';
import { MemoryService } from './memory.service';

const IF_NONE_MATCH = {
  name: 'If-None-Match',
  required: false,
  description: '`*`: only if there is no such key, else 412.',
};

const USER = {
  type: String,
  name: 'user_id',
  description: "A member's own id; for admins and services any of the organization.",
};
const KEY = {
  type: String,
  name: 'key',
  description: '1 to 255 characters, no control characters; a slash is sent as %2F.',
};

/**
 * The same routes twice, so that neither can do what the other cannot: of the caller's own memory, and of the user in
 * the path.
 * @param whose ends the ids of the operations
 */
// One class of one-line handlers: the length is that of its list of routes.
// eslint-disable-next-line max-lines-per-function
function memoryRoutes(path: string, whose: '' | 'OfUser') {
  const Described = (id: string, summary: string) =>
    applyDecorators(ApiOperation({ operationId: `${id}${whose}`, summary }), ...(whose ? [ApiParam(USER)] : []));

  @ApiTags('memory')
  @UseInterceptors(ETagInterceptor)
  @Controller(path)
  class MemoryController {
    constructor(readonly memory: MemoryService) {}

    @Get('memory')
    @Access('memory:read')
    @Described('getMemory', 'Values by key')
    @ApiOkResponse({ type: MemoryMap })
    map(@Owner() owner: Principal, @Query() query: MemoryMapQuery) {
      return this.memory.map(owner, query);
    }

    @Get('memories')
    @Access('memory:read')
    @Described('listMemories', 'A page of memories with versions and times, by key')
    @ApiOkResponse({ type: MemoryList })
    list(@Owner() owner: Principal, @Query() query: ListMemoriesQuery) {
      return this.memory.list(owner, query);
    }

    @Get('memories/search')
    @Access('memory:read')
    @Described('searchMemories', 'Memories by what their keys and values say, the best matches first')
    @ApiOkResponse({ type: FoundMemories })
    search(@Owner() owner: Principal, @Query() query: SearchMemoriesQuery) {
      return this.memory.search(owner, query);
    }

    @Put('memory')
    @Access('memory:write')
    @Described('saveMemories', 'Save several keys, all or none')
    @ApiOkResponse({ type: MemoryBatch })
    saveMany(
      @Owner() owner: Principal,
      @Query() query: ScopeQuery,
      @Body() body: SaveMemories,
      @Controls() controls: SaveControls,
    ) {
      return this.memory.putMany(owner, { ...inSession(body, query), ...unconditional(controls) });
    }

    @Delete('memory')
    @Access('memory:write')
    @Described('clearMemory', 'Delete everything, of all sessions too; with session_id only what is of that session')
    @ApiOkResponse({ type: ClearedMemory })
    clear(@Owner() owner: Principal, @Query() query: ClearMemoryQuery) {
      return this.memory.clear(owner, query.session_id);
    }

    @Get('memory/:key')
    @Access('memory:read')
    @Described('getMemoryByKey', 'One memory')
    @ApiParam(KEY)
    @ApiOkResponse({ type: MemoryView })
    get(@Owner() owner: Principal, @Id('key') key: string, @Query() query: ScopeQuery) {
      return this.memory.get(owner, key, query.session_id);
    }

    @Put('memory/:key')
    @UseInterceptors(CreatedInterceptor)
    @Access('memory:write')
    @Described('saveMemory', 'Save a key, whether or not it is there')
    @ApiParam(KEY)
    @ApiHeader(IF_NONE_MATCH)
    @ApiResponse({ status: 201, type: MemoryView, description: 'A new key.' })
    @ApiOkResponse({ type: MemoryView, description: 'A key that was there.' })
    save(
      @Owner() owner: Principal,
      @Id('key') key: string,
      @Query() query: ScopeQuery,
      @Body() body: SaveMemory,
      @Controls() controls: SaveControls,
    ) {
      return this.memory.put(owner, key, { ...inSession(body, query), ...controls });
    }

    @Delete('memory/:key')
    @Access('memory:write')
    @Described('deleteMemory', 'Delete a key in one scope, with its history')
    @ApiParam(KEY)
    @ApiOkResponse({ type: DeletedMemory })
    delete(@Owner() owner: Principal, @Id('key') key: string, @Query() query: ScopeQuery, @IfMatch() ifMatch?: number) {
      return this.memory.delete(owner, key, query.session_id, ifMatch);
    }

    @Get('memory/:key/history')
    @Access('memory:read')
    @Described('getMemoryHistory', 'Earlier values of a key, newest first; gone when the key is deleted')
    @ApiParam(KEY)
    @ApiOkResponse({ type: MemoryHistory })
    history(@Owner() owner: Principal, @Id('key') key: string, @Query() query: MemoryHistoryQuery) {
      return this.memory.history(owner, key, query);
    }
  }

  return MemoryController;
}

/** The caller's own memory. */
export const MemoryController = memoryRoutes('', '');

/** Any user's, for admins and services; a member's only their own. */
export const UserMemoryController = memoryRoutes('users/:user_id', 'OfUser');
