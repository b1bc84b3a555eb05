error 'not asked for'
