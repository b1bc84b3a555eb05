'the last library wins'
