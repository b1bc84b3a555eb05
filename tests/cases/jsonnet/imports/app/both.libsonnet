'beside the importer'
