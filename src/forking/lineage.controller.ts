import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth/access';
import { Caller, type Principal } from '../organizations/principal';
import { Id } from '../http/request/decorators';
import { ForkTree } from './forking.dto';
import { LineageService } from './lineage.service';

/** What became of threads. */
@ApiTags('threads')
@Controller('threads/:id')
export class LineageController {
  constructor(private readonly lineage: LineageService) {}

  @Get('forks')
  @Access('threads:read')
  @ApiOperation({ operationId: 'listForks', summary: 'The forks of a thread, and theirs, as a tree' })
  @ApiOkResponse({ type: ForkTree })
  forks(@Caller() caller: Principal, @Id('id') id: string) {
    return this.lineage.tree(caller, id);
  }
}
