{ web: { image: 'x' } }
