export { EXPORT_FORMATS, type ExportFormatName, IMPORT_FORMATS, type ImportFormatName } from './transfer.dto';
export { TransferModule } from './transfer.module';
export { ExportService } from './export/export.service';
export { ImportRequestsService } from './import/import-requests.service';
