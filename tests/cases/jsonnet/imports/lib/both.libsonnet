'not me: beside the importer comes first'
