error 'hidden'
