error 'folders below are for imports'
