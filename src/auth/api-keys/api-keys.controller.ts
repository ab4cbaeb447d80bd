import { Body, Controller, Delete, Get, Header, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Id } from '../../http/request/decorators';
import { PageQuery } from '../../http/request/paging';
import { ApiIdempotencyKey, type IdempotencyKey, IdempotencyKeyHeader } from '../../idempotency';
import { Access } from '../access';
import { CreatedKeyView, CreateKeyRequest, KeyPageView, KeyView, RevokedKeyView } from './api-keys.dto';
import { ApiKeysService } from './api-keys.service';
import { Caller, type Principal } from '../../organizations';

/** API keys of the caller's organization, for its admins. */
@ApiTags('keys')
@Controller('keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** Makes a key. */
  @Post()
  @Access('keys:manage')
  @Header('cache-control', 'no-store')
  @ApiIdempotencyKey()
  @ApiOperation({ operationId: 'createKey', summary: 'Make an API key; the answer alone shows it' })
  @ApiCreatedResponse({ type: CreatedKeyView })
  create(
    @Caller() caller: Principal,
    @Body() body: CreateKeyRequest,
    @IdempotencyKeyHeader() idempotencyKey?: IdempotencyKey,
  ): Promise<CreatedKeyView> {
    return this.keys.create(caller, body, idempotencyKey);
  }

  /** Lists the keys. */
  @Get()
  @Access('keys:manage')
  @ApiOperation({ operationId: 'listKeys', summary: 'List the API keys' })
  @ApiOkResponse({ type: KeyPageView })
  list(@Caller() caller: Principal, @Query() query: PageQuery): Promise<KeyPageView> {
    return this.keys.list(caller, query);
  }

  /** Shows a key, without its secret. */
  @Get(':id')
  @Access('keys:manage')
  @ApiOperation({ operationId: 'getKey', summary: 'Show an API key, without its secret' })
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOkResponse({ type: KeyView })
  get(@Caller() caller: Principal, @Id('id') id: string): Promise<KeyView> {
    return this.keys.get(caller, id);
  }

  /** Revokes a key. */
  @Delete(':id')
  @Access('keys:manage')
  @ApiOperation({ operationId: 'revokeKey', summary: 'Revoke an API key; every instance refuses it within a second' })
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOkResponse({ type: RevokedKeyView })
  revoke(@Caller() caller: Principal, @Id('id') id: string): Promise<RevokedKeyView> {
    return this.keys.revoke(caller, id);
  }
}
