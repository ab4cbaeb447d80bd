import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../auth';
import { Caller, type Principal } from '../organizations';
import { SearchLanguageView, SetSearchLanguage } from './search.dto';
import { SearchLanguagesService } from './search-languages.service';

/** In which language an organization's messages are searched. */
@ApiTags('admin')
@Controller('admin/search-language')
export class SearchLanguageController {
  constructor(private readonly languages: SearchLanguagesService) {}

  @Get()
  @Access('admin:read')
  @ApiOperation({ operationId: 'getSearchLanguage', summary: "The language of your organization's search" })
  @ApiOkResponse({ type: SearchLanguageView })
  get(@Caller() caller: Principal) {
    return this.languages.get(caller);
  }

  @Put()
  @Access('admin:write')
  @ApiOperation({ operationId: 'setSearchLanguage', summary: 'Set it for messages from now on' })
  @ApiOkResponse({ type: SearchLanguageView })
  set(@Caller() caller: Principal, @Body() body: SetSearchLanguage) {
    return this.languages.set(caller, body);
  }
}
