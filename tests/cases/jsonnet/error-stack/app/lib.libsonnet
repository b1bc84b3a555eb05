{
  image(name)::
    if name == 'web' then
      error 'no image for `%s`' % name
    else 'x',
}
