'not me'
