import { ApiProperty } from '@nestjs/swagger';
import { IdField } from '../../http/request/fields';
import { PageQuery, PageView } from '../../http/request/paging';
import { ThreadView } from '../threads.dto';

export class ListThreadTrashQuery extends PageQuery {
  @IdField({ description: "Whose trash; by default the caller's. Another user's: service keys and admins only (403)." })
  user_id?: string;
}

/** A thread in the trash; its session is gone. */
export class TrashedThread extends ThreadView {
  @ApiProperty({ format: 'date-time' })
  deleted_at!: string;
}

export class ThreadTrashList extends PageView {
  @ApiProperty({ type: [TrashedThread] })
  data!: TrashedThread[];
}
